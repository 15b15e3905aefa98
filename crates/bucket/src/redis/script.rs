use std::time::Duration;

use mainstay_redis::{Away, Redis, Script, ScriptInvocation, ToRedisArgs};

use super::{SharedLimits, seen::Look, settlements::Batch, share::Quota};
use crate::Limit;

/// The scripts, and what they are given of one name's limits.
#[derive(Debug)]
pub(super) struct Scripts {
    take: Script,
    settle: Script,
    /// In one slot of a cluster: only what stands in braces chooses it.
    keys: [String; 2],
    /// The last of this process's settlements that was counted.
    settled: String,
    tokens: Option<Quota>,
    requests: Option<Quota>,
    in_flight: u32,
    longest_call: Duration,
}

/// What a call asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) tokens: u64,
    /// What is welcome beyond it: tokens and requests.
    pub(super) more: [u64; 2],
    pub(super) call: &'a str,
}

/// What the server says to it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// Yes, and so much beyond it: tokens and requests.
    Granted([u64; 2]),
    /// Not yet; after how long, if that can be told.
    Refused(Limit, Option<Duration>),
}

// === impl Scripts ===

impl Scripts {
    pub(super) fn new(settings: &SharedLimits, process: u64) -> Self {
        let key = |what: &str| format!("{}{{{}}}:{what}", settings.prefix, settings.name);
        Self {
            take: Script::new(include_str!("take.lua")),
            settle: Script::new(include_str!("settle.lua")),
            keys: [key("limits"), key("calls")],
            settled: key(&format!("settled:{process:x}")),
            tokens: settings.tokens,
            requests: settings.requests,
            in_flight: settings.in_flight,
            longest_call: settings.longest_call,
        }
    }

    pub(super) async fn take(&self, asked: Asked<'_>, redis: &Redis) -> Result<(Answer, Look), Away> {
        let mut script = self.take.key(&self.keys[0]);
        script.key(&self.keys[1]);
        let [tokens, requests] = asked.more;
        argue(&mut script, self.tokens, asked.tokens, tokens);
        argue(&mut script, self.requests, 1, requests);
        script.arg(self.in_flight).arg(asked.call).arg(micros(self.longest_call));
        let said: (u8, i64, u64, u64, u64, u64, u64, i64) = redis.run(&script).await?;
        let (refused, wait, more_tokens, more_requests, tokens, requests, paused, calls) = said;
        let wait = u64::try_from(wait).ok().map(Duration::from_micros);
        let answer = match refused {
            0 => Answer::Granted([more_tokens, more_requests]),
            1 => Answer::Refused(Limit::Tokens, wait),
            2 => Answer::Refused(Limit::Requests, wait),
            _ => Answer::Refused(Limit::InFlight, wait),
        };
        Ok((answer, look([tokens, requests, paused], u64::try_from(calls).ok())))
    }

    pub(super) async fn settle(&self, batch: &Batch, redis: &Redis) -> Result<Look, Away> {
        let mut script = self.settle.key(&self.keys[0]);
        script.key(&self.keys[1]).key(&self.settled);
        let left = |left: Option<u64>| left.and_then(|left| i64::try_from(left).ok()).unwrap_or(-1);
        argue(&mut script, self.tokens, batch.tokens, left(batch.tokens_left));
        argue(&mut script, self.requests, batch.requests, left(batch.requests_left));
        script.arg(batch.paused_for().map_or(0, micros)).arg(batch.number);
        for call in &batch.ended {
            script.arg(call);
        }
        let (tokens, requests, paused) = redis.run(&script).await?;
        Ok(look([tokens, requests, paused], None))
    }
}

fn look(micros: [u64; 3], calls: Option<u64>) -> Look {
    let [tokens, requests, paused_for] = micros.map(Duration::from_micros);
    Look { full_in: [tokens, requests], paused_for, calls }
}

/// Two numbers of one limit, its capacity and its price.
fn argue<A, B>(script: &mut ScriptInvocation<'_>, quota: Option<Quota>, first: A, second: B)
where
    A: ToRedisArgs,
    B: ToRedisArgs,
{
    script.arg(first).arg(second);
    script.arg(quota.map_or(0, |quota| quota.capacity)).arg(quota.map_or(0.0, |quota| quota.price()));
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).min(1 << 50)
}
