use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mainstay::{ServedCodec, idempotency::Redb};

/// Where the claims on lines are, whose answers go to `output`: beside it, with `.claims` at the end.
///
/// Once all is answered it may be deleted. Deleted earlier, the lines that were under way when a run was killed are asked again like any other.
pub fn claims_path(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".claims");
    name.into()
}

/// Opens the claims. A line's is on the disk before the line is asked, and its answer besides before it is handed out: an answer that came
/// before the kill is not lost, and not paid for again. A line that only waited for its turn at the provider's limits has its claim too, and
/// may be told of though it was never sent: so many at most as are asked at once.
///
/// # Errors
///
/// The file cannot be used, or another process has it.
pub fn claims(output: &Path) -> Result<Redb<ServedCodec>> {
    let path = claims_path(output);
    let file = Redb::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(file.capacity(u64::MAX).codec(ServedCodec))
}
