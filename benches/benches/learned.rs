//! The time of a choice by what was learned.

fn main() -> anyhow::Result<()> {
    mainstay_benches::time(mainstay_benches::learned::measure_all)
}
