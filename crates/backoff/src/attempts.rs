use std::time::Duration;

use fastrand::Rng;
use mainstay_fault::{Call, Elsewhere, Fault, FaultKind, worth_falling_back};
use tokio::time::Instant;

use crate::{
    Backoff, GiveUp, RetryBudget,
    settings::Settings,
    span::{Span, scale},
};

/// The attempts of one call: where every decision to retry is made, whoever drives it.
///
/// On the way of a call that succeeds at once it reads no clock (unless there is a deadline) and draws no number.
#[derive(Clone, Debug)]
pub(crate) struct Attempts<D> {
    deadline: Option<Instant>,
    /// Boxed, because a future that carries it is moved by every call, and only those that fail need it.
    failed: Option<Box<Failed<D>>>,
}

/// What has come of a call that did not succeed at once.
#[derive(Clone, Debug)]
struct Failed<D> {
    retries: u32,
    /// How often it went on elsewhere at once, before the first retry.
    moves: u32,
    /// There once it was to be retried.
    delays: Option<Delays<D>>,
}

/// The delays of one call, begun at its first failure.
#[derive(Clone, Debug)]
struct Delays<D> {
    backoff: D,
    rng: Rng,
    /// The backoff's first delay and the last draw, once there are any.
    first_and_last: Option<(Duration, Duration)>,
}

/// The deadline of a call, if it has one.
#[derive(Clone, Copy)]
struct InTime(Option<Instant>);

/// The most that is added to a Retry-After, and the share of it: those who were told the same do not come together.
const AFTER_RETRY_AFTER: (f64, Duration) = (0.1, Duration::from_secs(1));

/// No router has so many backends for one call: whoever says more often that there is another one goes round in circles.
const MOST_MOVES: u32 = 1_000;

// === impl Attempts ===

impl<D: Iterator<Item = Duration>> Attempts<D> {
    /// Begins a call: it pays into the budget, unless it has paid elsewhere, and its deadline is the tighter of the policy's and its
    /// own.
    pub(crate) fn begin(settings: &Settings, pays: bool, deadline: Option<Instant>) -> Self {
        if pays && let Some(budget) = &settings.budget {
            budget.deposit();
        }
        let deadline = match settings.deadline {
            None => deadline,
            Some(limit) => {
                let own = Instant::now().checked_add(limit);
                deadline.into_iter().chain(own).min()
            }
        };
        Self { deadline, failed: None }
    }

    /// Whether the call is still in its first attempt.
    pub(crate) fn is_first(&self) -> bool {
        self.failed.as_ref().is_none_or(|failed| failed.retries == 0 && failed.moves == 0)
    }

    /// Decides after a failure: to retry after a delay, or why not. Tells the hooks and the trace.
    pub(crate) fn next<B>(
        &mut self,
        settings: &Settings,
        backoff: &B,
        fault: &Fault,
    ) -> Result<Duration, GiveUp>
    where
        B: Backoff<Delays = D>,
    {
        let in_time = InTime(self.deadline);
        let failed =
            self.failed.get_or_insert_with(|| Box::new(Failed { retries: 0, moves: 0, delays: None }));
        let attempt = failed.retries.saturating_add(failed.moves).saturating_add(1);
        let moves = moves(fault);
        let decision = if moves {
            failed.go_on(settings, fault, in_time)
        } else {
            failed.retry(settings, backoff, fault, in_time)
        };
        if decision.is_ok() {
            // After the first retry, a move is to a backend that was tried before.
            let count = if moves && failed.retries == 0 { &mut failed.moves } else { &mut failed.retries };
            *count = count.saturating_add(1);
        }
        settings.tell(attempt, fault, decision);
        decision
    }
}

// === impl Failed ===

impl<D: Iterator<Item = Duration>> Failed<D> {
    /// Goes on elsewhere, at once: to every other backend, and then again for as long as there are retries.
    ///
    /// It is paid for, with two exceptions. A backend that is set aside gets no more calls, so those that leave it are the few which it
    /// had; they are not to fail because there are many of them at once. And what was refused on this side was never sent.
    fn go_on(&self, settings: &Settings, fault: &Fault, in_time: InTime) -> Result<Duration, GiveUp> {
        if self.moves >= MOST_MOVES || (self.retries > 0 && self.retries >= settings.retries) {
            return Err(GiveUp::Exhausted);
        }
        in_time.ends_after(Duration::ZERO)?;
        if !fault.set_aside && fault.kind != FaultKind::Shed {
            settings.pay()?;
        }
        Ok(Duration::ZERO)
    }

    /// The budget is asked last: what is not retried for another reason costs nothing.
    fn retry<B>(
        &mut self,
        settings: &Settings,
        backoff: &B,
        fault: &Fault,
        in_time: InTime,
    ) -> Result<Duration, GiveUp>
    where
        B: Backoff<Delays = D>,
    {
        if !settings.retryable(fault) {
            return Err(GiveUp::NotRetryable);
        }
        if self.retries >= settings.retries {
            return Err(GiveUp::Exhausted);
        }
        let delay = self.delay(settings, backoff, fault)?;
        in_time.ends_after(delay)?;
        // Where all backends are set aside, nothing was sent: what it waits for is its first attempt, or one that is paid for.
        if !(fault.set_aside && fault.backend.is_none()) {
            settings.pay()?;
        }
        Ok(delay)
    }

    /// The backoff's next delay, or the server's Retry-After and a little more, whichever is longer.
    fn delay<B>(&mut self, settings: &Settings, backoff: &B, fault: &Fault) -> Result<Duration, GiveUp>
    where
        B: Backoff<Delays = D>,
    {
        let after = fault.retry_after.unwrap_or_default();
        if after > settings.max_wait {
            return Err(GiveUp::RetryAfterTooLong);
        }
        let delays = self.delays.get_or_insert_with(|| Delays {
            backoff: backoff.delays(),
            rng: settings.rng(),
            first_and_last: None,
        });
        let delay = delays.next(settings).ok_or(GiveUp::Exhausted)?;
        let (share, most) = AFTER_RETRY_AFTER;
        let spread = Span { low: Duration::ZERO, high: scale(after, share).min(most) };
        Ok(delay.max(after.saturating_add(spread.draw(&mut delays.rng))))
    }
}

// === impl InTime ===

impl InTime {
    /// Whether a wait ends before the deadline.
    fn ends_after(self, delay: Duration) -> Result<(), GiveUp> {
        match self.0 {
            Some(deadline) if Instant::now().checked_add(delay).is_none_or(|then| then >= deadline) => {
                Err(GiveUp::Deadline)
            }
            _ => Ok(()),
        }
    }
}

/// Whether another backend takes the call now, so that there is nothing to wait for.
fn moves(fault: &Fault) -> bool {
    fault.elsewhere && worth_falling_back(fault) != Elsewhere::No
}

/// Foresees whether a call that failed so now would be sent again: as [`Attempts::next`] decides, with the longest delay that it may draw,
/// and nothing taken out of the budget.
pub(crate) fn would_go_on<B: Backoff>(settings: &Settings, backoff: &B, call: &Call, fault: &Fault) -> bool {
    let elsewhere = moves(fault);
    // What was sent before this count began is no retry, and neither are moves to backends that were not tried. Those of earlier passes are
    // not known, and taken for some.
    let tried = u32::try_from(call.tried.len()).unwrap_or(u32::MAX);
    let retries = (call.attempt.get() - 1).saturating_sub(call.before).saturating_sub(tried);
    if retries >= settings.retries.max(elsewhere.into()) || !(elsewhere || settings.retryable(fault)) {
        return false;
    }
    let delay = if elsewhere { Some(Duration::ZERO) } else { longest(settings, backoff, retries, fault) };
    let in_time = |delay| {
        call.deadline
            .is_none_or(|deadline| Instant::now().checked_add(delay).is_some_and(|then| then < deadline))
    };
    delay.is_some_and(in_time) && settings.budget.as_ref().is_none_or(RetryBudget::has_one)
}

/// The longest delay that may come after so many retries; `None` where it would not be waited.
fn longest<B: Backoff>(settings: &Settings, backoff: &B, retries: u32, fault: &Fault) -> Option<Duration> {
    let after = fault.retry_after.unwrap_or_default();
    let delay = backoff.delays().nth(retries as usize)?.min(settings.cap);
    // The last draw is not known; no delay is above the cap.
    let drawn = settings.jitter.span(delay, delay, settings.cap).below(settings.cap).high;
    let (share, most) = AFTER_RETRY_AFTER;
    let told = after.saturating_add(scale(after, share).min(most));
    (after <= settings.max_wait).then_some(drawn.max(told))
}

// === impl Delays ===

impl<D: Iterator<Item = Duration>> Delays<D> {
    fn next(&mut self, settings: &Settings) -> Option<Duration> {
        let delay = self.backoff.next()?.min(settings.cap);
        let (first, last) = self.first_and_last.unwrap_or((delay, delay));
        let drawn = settings.jitter.span(delay, first, last).below(settings.cap).draw(&mut self.rng);
        self.first_and_last = Some((first, drawn));
        Some(drawn)
    }
}
