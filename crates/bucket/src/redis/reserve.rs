use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::Ordering::{AcqRel, Relaxed, Release},
    },
    task::{Context, Poll},
    time::Duration,
};

use mainstay_redis::Away;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    script::{Answer, Asked},
    shared::Shared,
};
use crate::{Limit, Limited, Patience, Reason, Reservation};

type Waits = Pin<Box<dyn Future<Output = Result<Reservation, Limited>> + Send>>;

/// Waits for shared limits. Made by [`RedisLimits::reserve`](super::RedisLimits::reserve), which says what it does when it is
/// dropped.
///
/// It is boxed: a round trip costs far more.
#[must_use = "futures do nothing unless polled"]
pub struct SharedReserve {
    waits: Waits,
}

/// One who stands in line, or would.
struct InLine<'a> {
    shared: &'a Shared,
    tokens: u64,
}

/// A call in flight that the server may have granted, until its reservation is made.
struct Unanswered<'a> {
    shared: &'a Shared,
    call: Option<Arc<str>>,
}

/// What a call has of its own process's limits, until the shared ones grant it, too.
pub(super) struct Ours(Option<Reservation>);

/// Nobody tells when another process's call ends.
const ASK_AGAIN: Duration = Duration::from_millis(25);
/// Tokens may come back earlier than the server foresees: calls need less than expected.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

// === impl SharedReserve ===

impl SharedReserve {
    pub(super) fn new(shared: Arc<Shared>, tokens: u64, patience: Patience) -> Self {
        Self { waits: Box::pin(reserve(shared, tokens, patience)) }
    }
}

impl Future for SharedReserve {
    type Output = Result<Reservation, Limited>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.waits.as_mut().poll(cx)
    }
}

impl fmt::Debug for SharedReserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedReserve").finish_non_exhaustive()
    }
}

// === impl InLine ===

impl<'a> InLine<'a> {
    fn join(shared: &'a Shared, tokens: u64, patience: Patience) -> Result<Self, Limited> {
        // Who would come too late as far as can be told does not join. The head of the line asks, whatever is known.
        let others_wait = shared.waiting.load(Relaxed) > 0 && !shared.redis.is_away();
        if let Some((wait, limit, is_paused)) =
            shared.foresee(tokens).filter(|(wait, ..)| others_wait && *wait > patience.wait)
        {
            return Err(Limited::too_long(limit, Some(wait)).for_a_pause(is_paused));
        }
        // The head of the line does not wait in it.
        if shared.waiting.fetch_add(1, AcqRel) > patience.waiters {
            shared.waiting.fetch_sub(1, Release);
            return Err(Limited::line_full(Limit::Requests, shared.wait_for(tokens)));
        }
        shared.wanted.fetch_add(tokens, Relaxed);
        Ok(Self { shared, tokens })
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.shared.wanted.fetch_sub(self.tokens, Relaxed);
        self.shared.waiting.fetch_sub(1, Release);
    }
}

// === impl Unanswered ===

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            self.shared.settlements.add(|batch| batch.ended.push(call.as_ref().into()));
        }
    }
}

// === impl Ours ===

impl Ours {
    pub(super) const fn new(ours: Reservation) -> Self {
        Self(Some(ours))
    }

    /// The reservation of both.
    pub(super) fn joined(mut self, theirs: Reservation) -> Reservation {
        match self.0.take() {
            Some(ours) => ours.joined(theirs),
            None => theirs,
        }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // Nothing was sent.
        self.0.take().into_iter().for_each(Reservation::cancel);
    }
}

/// Takes what the process's own limits allow, if there are any, then the shared ones: always in this order.
async fn reserve(shared: Arc<Shared>, tokens: u64, patience: Patience) -> Result<Reservation, Limited> {
    shared.begin_to_settle();
    check_size(&shared, tokens)?;
    // A century is endless, and an instant that can be told.
    let end = Instant::now() + patience.wait.min(Duration::from_secs(3_000_000_000));
    let Some(own) = &shared.settings.own else { return reserve_shared(&shared, tokens, patience, end).await };
    if shared.local.is_none() && shared.redis.is_away() {
        // Refused anyway, and so at once.
        return Err(is_away(&shared, Limit::Requests));
    }
    let ours = Ours::new(own.reserve(tokens, patience).await?);
    let theirs = reserve_shared(&shared, tokens, patience.until(end), end).await?;
    Ok(ours.joined(theirs))
}

async fn reserve_shared(
    shared: &Arc<Shared>,
    tokens: u64,
    patience: Patience,
    end: Instant,
) -> Result<Reservation, Limited> {
    let outcome = match InLine::join(shared, tokens, patience) {
        Ok(_in_line) if !shared.redis.is_away() => wait_in_line(shared, tokens, end).await?,
        Ok(_) => Err(Away::LeftAlone),
        Err(full) => return Err(full),
    };
    match (outcome, &shared.local) {
        (Ok(reservation), _) => Ok(reservation),
        (Err(_), Some(local)) => match local.reserve(tokens, patience.until(end)).await {
            // Not for ever, as of the whole limits, which it fits.
            Err(error) if error.reason() == Reason::TooLarge => Err(is_away(shared, error.limit())),
            outcome => outcome,
        },
        (Err(_), None) => Err(is_away(shared, Limit::Requests)),
    }
}

fn is_away(shared: &Shared, limit: Limit) -> Limited {
    Limited::new(limit, Reason::Away).with_retry_after(shared.redis.asked_again_after())
}

/// More than a limit ever allows is refused at once.
fn check_size(shared: &Shared, tokens: u64) -> Result<(), Limited> {
    match shared.settings.tokens {
        Some(quota) if tokens > quota.capacity => Err(Limited::new(Limit::Tokens, Reason::TooLarge)),
        _ => Ok(()),
    }
}

/// Comes to the head of the line, and asks from there until it is granted.
async fn wait_in_line(
    shared: &Arc<Shared>,
    tokens: u64,
    end: Instant,
) -> Result<Result<Reservation, Away>, Limited> {
    // Who has no patience may ask, too, if the line is free: it is polled before the time.
    let Ok(_head) = timeout_at(end, shared.head.lock()).await else {
        return Err(Limited::too_long(Limit::Requests, None));
    };
    loop {
        if let Some(until) = shared.paused_until() {
            wait(shared, tokens, (Limit::Requests, Some(until - Instant::now())), end).await?;
        }
        if shared.stock.spend(tokens, shared.limited()) {
            return Ok(Ok(shared.granted(tokens, None)));
        }
        match ask(shared, tokens).await {
            Err(away) => return Ok(Err(away)),
            Ok(Ok(reservation)) => return Ok(Ok(reservation)),
            Ok(Err(refused)) => wait(shared, tokens, refused, end).await?,
        }
    }
}

type Refused = (Limit, Option<Duration>);

/// Asks the server once.
async fn ask(shared: &Arc<Shared>, tokens: u64) -> Result<Result<Reservation, Refused>, Away> {
    let counted = shared.settings.in_flight > 0;
    let mut unanswered = Unanswered { shared, call: counted.then(|| shared.next_call()) };
    let call = unanswered.call.clone();
    let more = shared.stock.wanted();
    let asked = Asked { tokens, more, call: call.as_deref().unwrap_or_default() };
    let answer = shared.scripts.take(asked, &shared.redis).await;
    if matches!(answer, Ok(_) | Err(Away::LeftAlone | Away::Refused(_))) {
        unanswered.call = None;
    }
    let (answer, look) = answer?;
    shared.seen.put(look);
    Ok(match answer {
        Answer::Refused(limit, wait) => Err((limit, wait)),
        Answer::Granted(more) => {
            shared.stock.put(more);
            // The lease has an end to be watched.
            shared.settlements.wake();
            Ok(shared.granted(tokens, call))
        }
    })
}

/// Waits before the next question, unless it would take too long.
async fn wait(shared: &Shared, tokens: u64, (limit, time): Refused, end: Instant) -> Result<(), Limited> {
    let left = end.saturating_duration_since(Instant::now());
    if time.unwrap_or(ASK_AGAIN) > left {
        let is_paused = shared.foresee(tokens).is_some_and(|(.., is_paused)| is_paused);
        return Err(Limited::too_long(limit, time).for_a_pause(is_paused));
    }
    // What is given back in this process is noticed at once, elsewhere in a second.
    let _ = timeout(time.unwrap_or(ASK_AGAIN).min(LONGEST_SLEEP), shared.returned.notified()).await;
    Ok(())
}
