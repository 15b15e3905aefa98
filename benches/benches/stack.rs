//! The time of a call through all layers.

fn main() -> anyhow::Result<()> {
    mainstay_benches::time(mainstay_benches::stack::measure_all)
}
