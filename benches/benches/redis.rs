//! The time of a shared limit and a shared key, beside the plainest scripts on the same server.

fn main() -> anyhow::Result<()> {
    mainstay_benches::time(mainstay_benches::redis::measure_all)
}
