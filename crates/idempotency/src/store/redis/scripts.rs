use std::{sync::Arc, time::Duration};

use mainstay_redis::{Away, Redis, Script};

use super::super::{
    clock::millis,
    end::{End, read_fault, write_fault},
};
use crate::Asked;

/// What is done on the server, each in one step.
pub(super) struct Scripts {
    claim: Script,
    renew: Script,
    keep: Script,
    free: Script,
}

/// What a claim finds.
pub(super) enum Found {
    Claimed,
    /// Another execution has the key.
    Busy,
    Ended(End, Duration),
    Conflict,
    /// It began then, in milliseconds since 1970.
    Unknown(u64),
    Damaged(&'static str),
}

/// What became of an end that was to be kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    Kept,
    /// The server has forgotten the claim, and all of its kind perhaps.
    KeptWithoutClaim,
    /// Another execution has the key.
    Lost,
}

/// One execution under a key, as all scripts know it.
pub(super) struct Run {
    /// Where its record lies.
    pub(super) name: Arc<str>,
    /// Whose record it is.
    pub(super) token: Arc<str>,
    pub(super) fingerprint: String,
    pub(super) lease: Duration,
    pub(super) ttl: Duration,
}

// === impl Scripts ===

impl Default for Scripts {
    fn default() -> Self {
        Self {
            claim: Script::new(include_str!("claim.lua")),
            renew: Script::new(include_str!("renew.lua")),
            keep: Script::new(include_str!("keep.lua")),
            free: Script::new(include_str!("free.lua")),
        }
    }
}

impl Scripts {
    pub(super) async fn claim(&self, redis: &Redis, run: &Run, asked: &Asked) -> Result<Found, Away> {
        let mut script = self.claim.key(&*run.name);
        script.arg(&*run.token).arg(&run.fingerprint).arg(millis(run.lease)).arg(millis(run.ttl));
        script.arg(u8::from(asked.retry_unknown));
        let answer: (String, u64, u64, Vec<u8>) = redis.run(&script).await?;
        Ok(found(answer))
    }

    /// Tells whether it is still this execution's.
    pub(super) async fn renew(&self, redis: &Redis, run: &Run) -> Result<bool, Away> {
        let mut script = self.renew.key(&*run.name);
        script.arg(&*run.token).arg(millis(run.lease)).arg(millis(run.ttl));
        redis.run(&script).await
    }

    pub(super) async fn keep(&self, redis: &Redis, run: &Run, end: &End) -> Result<Ending, Away> {
        let mut script = self.keep.key(&*run.name);
        script.arg(&*run.token).arg(&run.fingerprint).arg(millis(run.ttl));
        match end {
            End::Answered { version, bytes } => script.arg("answered").arg(version).arg(bytes),
            End::Failed(fault) => script.arg("failed").arg(0).arg(write_fault(fault)),
        };
        Ok(match redis.run(&script).await? {
            1u8 => Ending::Kept,
            2 => Ending::KeptWithoutClaim,
            _ => Ending::Lost,
        })
    }

    pub(super) async fn free(&self, redis: &Redis, run: &Run) -> Result<(), Away> {
        let mut script = self.free.key(&*run.name);
        redis.run::<u64>(script.arg(&*run.token)).await.map(drop)
    }
}

fn found((state, time, version, bytes): (String, u64, u64, Vec<u8>)) -> Found {
    match &*state {
        "claimed" => Found::Claimed,
        "busy" => Found::Busy,
        "conflict" => Found::Conflict,
        "unknown" => Found::Unknown(time),
        "answered" => match u16::try_from(version) {
            Ok(version) => Found::Ended(End::Answered { version, bytes }, Duration::from_millis(time)),
            Err(_) => Found::Damaged("its version is no such number"),
        },
        "failed" => match read_fault(&bytes) {
            Some(fault) => Found::Ended(End::Failed(fault), Duration::from_millis(time)),
            None => Found::Damaged("its fault is unknown"),
        },
        _ => Found::Damaged("its state is unknown"),
    }
}
