//! The CPU time of a real chat call over loopback.

fn main() -> anyhow::Result<()> {
    mainstay_benches::time(mainstay_benches::chat::measure_all)
}
