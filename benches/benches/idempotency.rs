//! The time of calls with a key: answered before, and new.

fn main() -> anyhow::Result<()> {
    mainstay_benches::time(mainstay_benches::idempotency::measure_all)
}
