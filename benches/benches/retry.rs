//! The time of a retry around work that succeeds at once.

fn main() -> anyhow::Result<()> {
    mainstay_benches::time(mainstay_benches::retry::measure_all)
}
