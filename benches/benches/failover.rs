//! The time from a fault to the next backend's request.

fn main() -> anyhow::Result<()> {
    mainstay_benches::time(mainstay_benches::failover::measure_all)
}
