//! What is asked of the file, and how a batch of it is done in one transaction.

use std::{sync::Arc, time::Duration};

use redb::{ReadableTable, ReadableTableMetadata, Table, WriteTransaction};
use tokio::sync::oneshot;

use super::{
    super::{
        clock::millis,
        end::End,
        record::{Record, Run},
    },
    file::{EXPIRING, RECORDS},
    live::{Going, Live},
};
use crate::{Asked, StoreError};

/// What is asked.
pub(super) enum Op {
    Claim {
        asked: Asked,
        run: Run,
        tell: oneshot::Sender<Result<Found, StoreError>>,
    },
    Keep {
        key: Arc<str>,
        going: Going,
        end: End,
        ttl: Duration,
        tell: oneshot::Sender<Result<(), StoreError>>,
    },
    Free {
        key: Arc<str>,
        going: Going,
    },
}

/// What a claim finds.
#[derive(Debug)]
pub(super) enum Found {
    Claimed,
    Ended(End, Duration),
    Conflict,
    /// It began then.
    Unknown(u64),
    /// An execution of this process has it: the number of that.
    Busy(u64),
    Full,
}

/// What to tell whoever asked, once all is written.
#[derive(Debug)]
pub(super) enum Reply {
    Claim(Result<Found, StoreError>),
    Keep(Result<(), StoreError>),
    None,
}

/// The tables, while a batch is done.
pub(super) struct Ledger<'t> {
    records: Table<'t, &'static str, &'static [u8]>,
    expiring: Table<'t, (u64, &'static str), ()>,
    now: u64,
    here: Here<'t>,
    capacity: u64,
    /// Whether anything was changed, and must be written.
    changed: bool,
}

/// What tells which executions are under way: those of this process that have not ended.
pub(super) struct Here<'t> {
    pub(super) process: u64,
    pub(super) live: &'t Live,
}

/// How many expired records each batch removes, besides one for each of its claims.
const SWEEP: usize = 16;
/// How much longer a record lives whose execution goes on.
const LONGER: u64 = 3_600_000;

type Done<T> = Result<T, redb::Error>;

// === impl Op ===

impl Op {
    /// Tells whoever asked, or that it could not be written. Who has gone away does not need to know.
    pub(super) fn tell(self, reply: Result<Reply, StoreError>) {
        match (self, reply) {
            (Self::Claim { tell, .. }, Ok(Reply::Claim(found))) => drop(tell.send(found)),
            (Self::Keep { tell, .. }, Ok(Reply::Keep(kept))) => drop(tell.send(kept)),
            (Self::Claim { tell, .. }, Err(error)) => drop(tell.send(Err(error))),
            (Self::Keep { tell, .. }, Err(error)) => drop(tell.send(Err(error))),
            _ => {}
        }
    }
}

// === impl Ledger ===

impl<'t> Ledger<'t> {
    pub(super) fn open(write: &'t WriteTransaction, now: u64, here: Here<'t>, capacity: u64) -> Done<Self> {
        let (records, expiring) = (write.open_table(RECORDS)?, write.open_table(EXPIRING)?);
        Ok(Self { records, expiring, now, here, capacity, changed: false })
    }

    pub(super) const fn changed(&self) -> bool {
        self.changed
    }

    pub(super) fn apply(&mut self, op: &Op) -> Done<Reply> {
        Ok(match op {
            Op::Claim { asked, run, .. } => Reply::Claim(self.claim(asked, *run)?),
            Op::Keep { key, going, end, ttl, .. } => Reply::Keep(self.keep(key, going.run, end, *ttl)?),
            Op::Free { key, going } => {
                if let Some(record) = self.claimed(key, going.run)? {
                    self.remove(key, record.expires)?;
                }
                Reply::None
            }
        })
    }

    fn claim(&mut self, asked: &Asked, run: Run) -> Done<Result<Found, StoreError>> {
        let key = &*asked.key;
        let record = match self.read(key)? {
            None => None,
            Some(Ok(record)) if self.stands(&record) => Some(record),
            Some(Ok(expired)) => {
                self.remove(key, expired.expires)?;
                None
            }
            Some(Err(what)) => return Ok(Err(StoreError::Damaged { key: key.into(), what })),
        };
        let Some(record) = record else {
            if self.records.len()? >= self.capacity {
                return Ok(Ok(Found::Full));
            }
            return self.grant(asked, run);
        };
        if record.fingerprint != asked.fingerprint {
            return Ok(Ok(Found::Conflict));
        }
        match record.end {
            Some(end) => {
                Ok(Ok(Found::Ended(end, Duration::from_millis(self.now.saturating_sub(record.ended)))))
            }
            None if self.runs_here(&record) => Ok(Ok(Found::Busy(record.run.number))),
            None if !asked.retry_unknown => Ok(Ok(Found::Unknown(record.began))),
            None => {
                self.remove(key, record.expires)?;
                self.grant(asked, run)
            }
        }
    }

    fn grant(&mut self, asked: &Asked, run: Run) -> Done<Result<Found, StoreError>> {
        let expires = self.now.saturating_add(millis(asked.ttl));
        let (fingerprint, began) = (asked.fingerprint, self.now);
        self.insert(&asked.key, &Record { fingerprint, began, ended: 0, expires, run, end: None })?;
        Ok(Ok(Found::Claimed))
    }

    fn keep(&mut self, key: &str, run: Run, end: &End, ttl: Duration) -> Done<Result<(), StoreError>> {
        let Some(record) = self.claimed(key, run)? else {
            return Ok(Err(StoreError::Lost { key: key.into() }));
        };
        self.remove(key, record.expires)?;
        let expires = self.now.saturating_add(millis(ttl));
        self.insert(key, &Record { ended: self.now, expires, end: Some(end.clone()), ..record })?;
        Ok(Ok(()))
    }

    /// The record of an execution that is under way.
    fn claimed(&self, key: &str, run: Run) -> Done<Option<Record>> {
        let record = self.read(key)?.and_then(Result::ok);
        Ok(record.filter(|record| record.run == run && record.end.is_none()))
    }

    /// Whether a record counts: its time is not up, or it is under way here.
    fn stands(&self, record: &Record) -> bool {
        record.expires > self.now || self.runs_here(record)
    }

    fn runs_here(&self, record: &Record) -> bool {
        let Run { process, number } = record.run;
        record.end.is_none() && process == self.here.process && self.here.live.has(number)
    }

    fn read(&self, key: &str) -> Done<Option<Result<Record, &'static str>>> {
        Ok(self.records.get(key)?.map(|bytes| Record::read(bytes.value())))
    }

    fn insert(&mut self, key: &str, record: &Record) -> Done<()> {
        self.changed = true;
        self.expiring.insert((record.expires, key), ())?;
        self.records.insert(key, &*record.write())?;
        Ok(())
    }

    fn remove(&mut self, key: &str, expires: u64) -> Done<()> {
        self.changed = true;
        self.expiring.remove((expires, key))?;
        self.records.remove(key)?;
        Ok(())
    }

    /// Removes some of the records that have expired.
    pub(super) fn sweep(&mut self, claims: usize) -> Done<()> {
        let mut expired = Vec::new();
        for entry in self.expiring.range(..(self.now.saturating_add(1), ""))?.take(SWEEP + claims) {
            let entry = entry?.0;
            let (at, key) = entry.value();
            expired.push((at, key.to_owned()));
        }
        for (expires, key) in expired {
            let running = self.read(&key)?.and_then(Result::ok).filter(|record| self.runs_here(record));
            self.remove(&key, expires)?;
            if let Some(record) = running {
                self.insert(&key, &Record { expires: self.now.saturating_add(LONGER), ..record })?;
            }
        }
        Ok(())
    }
}
