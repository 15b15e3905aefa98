//! The file: opened if it is ours, whole, and nobody else's now.

use std::path::Path;

use redb::{
    CompactionError, Database, DatabaseError, ReadableDatabase, StorageError, TableDefinition, TableError,
};
use tempfile::NamedTempFile;

use crate::StoreError;

/// What is kept of each key.
pub(super) const RECORDS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("records");
/// When each record expires: milliseconds since 1970, and the key.
pub(super) const EXPIRING: TableDefinition<'static, (u64, &str), ()> = TableDefinition::new("expiring");
/// What the file is.
const ABOUT: TableDefinition<'static, &str, u64> = TableDefinition::new("mainstay idempotency");

const FORMAT: u64 = 1;
/// How many bytes of the file are kept in memory.
const CACHE: usize = 16 << 20;
/// Of the bytes of a file that is opened, how many may be unused: it is made smaller beyond that.
const UNUSED: u64 = 1 << 20;

pub(super) struct File {
    pub(super) database: Database,
    pub(super) path: std::path::PathBuf,
}

pub(super) fn open(path: &Path) -> Result<File, StoreError> {
    if !path.exists() {
        make(path)?;
    }
    let opened = Database::builder().set_cache_size(CACHE).set_check_integrity_on_open(true).open(path);
    let mut database = opened.map_err(|error| not_opened(path, error))?;
    check(path, &database)?;
    shrink(path, &mut database)?;
    Ok(File { database, path: path.into() })
}

/// Makes a new file, which is there whole or not at all: an empty one is no new one, but one that has lost all.
fn make(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let made = NamedTempFile::new_in(folder).map_err(|error| unavailable(path, &error))?;
    let database = Database::builder().set_cache_size(CACHE).create(made.path());
    found(&database.map_err(|error| not_opened(path, error))?).map_err(StoreError::unavailable)?;
    match made.persist_noclobber(path) {
        // Another process was faster.
        Err(error) if path.exists() => drop(error),
        outcome => drop(outcome.map_err(|error| unavailable(path, &error.error))?),
    }
    // The name is to survive a loss of power too, where folders can be synced.
    let _ = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Writes what a new file is.
fn found(database: &Database) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    write.open_table(ABOUT)?.insert("format", FORMAT)?;
    write.open_table(RECORDS)?;
    write.open_table(EXPIRING)?;
    Ok(write.commit()?)
}

/// Makes sure that a file is one of ours, and of this format.
fn check(path: &Path, database: &Database) -> Result<(), StoreError> {
    let format = format(database).map_err(|cause| foreign(path, cause))?;
    if format == FORMAT {
        return Ok(());
    }
    Err(StoreError::OtherFormat { path: path.into(), found: format, reads: FORMAT })
}

fn format(database: &Database) -> Result<u64, redb::Error> {
    let read = database.begin_read()?;
    let format = read.open_table(ABOUT)?.get("format")?.map(|format| format.value());
    // All tables are there, or it is not ours.
    read.open_table(RECORDS)?;
    read.open_table(EXPIRING)?;
    format.ok_or_else(|| TableError::TableDoesNotExist("format".into()).into())
}

/// Gives back what is not used, if that is much.
fn shrink(path: &Path, database: &mut Database) -> Result<(), StoreError> {
    let used = used(database).map_err(StoreError::unavailable)?;
    let size = std::fs::metadata(path).map_or(0, |about| about.len());
    if size.saturating_sub(used) > UNUSED.max(size / 2) {
        database.compact().map_err(|error: CompactionError| StoreError::unavailable(error))?;
    }
    Ok(())
}

fn used(database: &Database) -> Result<u64, redb::Error> {
    let write = database.begin_write()?;
    let stats = write.stats()?;
    write.abort()?;
    Ok(stats.stored_bytes() + stats.metadata_bytes())
}

fn not_opened(path: &Path, error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            StoreError::InUse { path: path.into() }
        }
        DatabaseError::Storage(StorageError::Io(error))
            if error.kind() != std::io::ErrorKind::InvalidData =>
        {
            unavailable(path, &error)
        }
        error => foreign(path, error),
    }
}

fn unavailable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::unavailable(format!("{}: {error}", path.display()))
}

fn foreign(path: &Path, cause: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Foreign { path: path.into(), cause: std::sync::Arc::new(cause) }
}
