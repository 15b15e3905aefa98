//! The time of taking what a limit allows, where nobody has to wait.

fn main() -> anyhow::Result<()> {
    mainstay_benches::time(mainstay_benches::limiter::measure_all)
}
