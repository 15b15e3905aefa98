//! The time of a call that needs none of the tiers below.

fn main() -> anyhow::Result<()> {
    mainstay_benches::time(mainstay_benches::fallback::measure_all)
}
