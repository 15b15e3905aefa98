//! What an upstream sees of a full outage.

fn main() -> anyhow::Result<()> {
    mainstay_benches::time(mainstay_benches::outage::measure_all)
}
