use super::end::{End, read_fault, write_fault};
use crate::Fingerprint;

/// What is kept of a key, as bytes.
///
/// The layout, with numbers in little endian: format (1 byte), state (1), fingerprint (16), and in milliseconds since 1970
/// when it began (8), when it ended (8) and when it expires (8); then the process that ran it (8) and its number there (8);
/// then, if it has ended, the version of the codec (2) and the answer's bytes, or the fault's.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) began: u64,
    pub(crate) ended: u64,
    pub(crate) expires: u64,
    pub(crate) run: Run,
    pub(crate) end: Option<End>,
}

/// Which execution: a process, and the number of the execution in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) process: u64,
    pub(crate) number: u64,
}

const FORMAT: u8 = 1;
const RUNNING: u8 = 0;
const ANSWERED: u8 = 1;
const FAILED: u8 = 2;

// === impl Record ===

impl Record {
    pub(crate) fn write(&self) -> Vec<u8> {
        let (state, version, payload) = match &self.end {
            None => (RUNNING, 0, Vec::new()),
            Some(End::Answered { version, bytes }) => (ANSWERED, *version, bytes.clone()),
            Some(End::Failed(fault)) => (FAILED, 0, write_fault(fault)),
        };
        let mut bytes = vec![FORMAT, state];
        bytes.extend(self.fingerprint.bits().to_le_bytes());
        let numbers = [self.began, self.ended, self.expires, self.run.process, self.run.number];
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(version.to_le_bytes());
        bytes.extend(payload);
        bytes
    }

    /// Reads a record, or says what is wrong with it.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut rest = Reader(bytes);
        let [format, state] = rest.take()?;
        if format != FORMAT {
            return Err("its format is unknown");
        }
        let fingerprint = Fingerprint::new(u128::from_le_bytes(rest.take()?));
        let (began, ended, expires) = (rest.number()?, rest.number()?, rest.number()?);
        let run = Run { process: rest.number()?, number: rest.number()? };
        let version = u16::from_le_bytes(rest.take()?);
        let end = match state {
            RUNNING => None,
            ANSWERED => Some(End::Answered { version, bytes: rest.0.to_vec() }),
            FAILED => Some(End::Failed(read_fault(rest.0).ok_or("its fault is unknown")?)),
            _ => return Err("its state is unknown"),
        };
        Ok(Self { fingerprint, began, ended, expires, run, end })
    }
}

/// Takes bytes off the front.
struct Reader<'a>(&'a [u8]);

// === impl Reader ===

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (first, rest) = self.0.split_first_chunk().ok_or("it is cut short")?;
        self.0 = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u64, &'static str> {
        self.take().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mainstay_fault::{Fault, FaultKind};
    use proptest::prelude::*;

    use super::*;

    fn ends() -> impl Strategy<Value = Option<End>> {
        prop_oneof![
            Just(None),
            (any::<u16>(), any::<Vec<u8>>())
                .prop_map(|(version, bytes)| Some(End::Answered { version, bytes })),
            (proptest::option::of(0..u64::from(u32::MAX)), any::<Option<bool>>()).prop_map(
                |(after, word)| {
                    let mut fault = Fault::new(FaultKind::RateLimited);
                    (fault.retry_after, fault.should_retry) = (after.map(Duration::from_millis), word);
                    Some(End::Failed(fault))
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_what_is_cut_is_not(
            bits in any::<u128>(), times in any::<[u64; 5]>(), end in ends(), cut in any::<prop::sample::Index>(),
        ) {
            let [began, ended, expires, process, number] = times;
            let run = Run { process, number };
            let record = Record { fingerprint: Fingerprint::new(bits), began, ended, expires, run, end };
            let bytes = record.write();
            prop_assert_eq!(Record::read(&bytes), Ok(record));
            let head = 2 + 16 + 5 * 8 + 2;
            prop_assert!(Record::read(&bytes[..cut.index(head)]).is_err());
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in any::<Vec<u8>>()) {
            if let Ok(record) = Record::read(&bytes) {
                prop_assert_eq!(Record::read(&record.write()), Ok(record));
            }
        }
    }
}
