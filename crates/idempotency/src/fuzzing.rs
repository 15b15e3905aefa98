//! What fuzz targets call: not part of the API.

use crate::store::record::Record;

/// Reads any bytes as a record. What can be read is written again as it was read.
///
/// # Panics
///
/// When it is not: that is what is looked for.
pub fn record(bytes: &[u8]) {
    if let Ok(record) = Record::read(bytes) {
        assert_eq!(Record::read(&record.write()), Ok(record));
    }
}
