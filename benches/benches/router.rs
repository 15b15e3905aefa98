//! The time of a call through the router, by strategy and by the number of backends.

fn main() -> anyhow::Result<()> {
    mainstay_benches::time(mainstay_benches::router::measure_all)
}
