use std::time::Duration;

use fastrand::Rng;
use mainstay_fault::{Call, Elsewhere, Fault, worth_falling_back};
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
    retries: u32,
    deadline: Option<Instant>,
    /// Boxed, because a future that carries it is moved by every call, and only those that fail need it.
    delays: Option<Box<Delays<D>>>,
}

/// The delays of one call, begun at its first failure.
#[derive(Clone, Debug)]
struct Delays<D> {
    backoff: D,
    rng: Rng,
    /// The backoff's first delay and the last draw, once there are any.
    first_and_last: Option<(Duration, Duration)>,
}

/// The most that is added to a Retry-After, and the share of it: those who were told the same do not come together.
const AFTER_RETRY_AFTER: (f64, Duration) = (0.1, Duration::from_secs(1));

// === impl Attempts ===

impl<D: Iterator<Item = Duration>> Attempts<D> {
    /// Begins a call: it pays into the budget, and its deadline is the tighter of the policy's and its own.
    pub(crate) fn begin(settings: &Settings, deadline: Option<Instant>) -> Self {
        if let Some(budget) = &settings.budget {
            budget.deposit();
        }
        let deadline = match settings.deadline {
            None => deadline,
            Some(limit) => {
                let own = Instant::now().checked_add(limit);
                deadline.into_iter().chain(own).min()
            }
        };
        Self { retries: 0, deadline, delays: None }
    }

    /// Whether one attempt more could be made, as far as their number goes.
    pub(crate) const fn may_retry(&self, settings: &Settings) -> bool {
        self.retries < settings.retries
    }

    /// Whether the call is still in its first attempt.
    pub(crate) const fn is_first(&self) -> bool {
        self.retries == 0
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
        let attempt = self.retries + 1;
        let decision = self.decide(settings, backoff, fault);
        self.retries += u32::from(decision.is_ok());
        settings.tell(attempt, fault, decision);
        decision
    }

    /// The budget is asked last: what is not retried for another reason costs nothing.
    fn decide<B>(&mut self, settings: &Settings, backoff: &B, fault: &Fault) -> Result<Duration, GiveUp>
    where
        B: Backoff<Delays = D>,
    {
        let elsewhere = moves(fault);
        if !elsewhere && !settings.retryable(fault) {
            return Err(GiveUp::NotRetryable);
        }
        if !self.may_retry(settings) {
            return Err(GiveUp::Exhausted);
        }
        let delay = if elsewhere { Duration::ZERO } else { self.delay(settings, backoff, fault)? };
        if let Some(deadline) = self.deadline
            && Instant::now().checked_add(delay).is_none_or(|then| then >= deadline)
        {
            return Err(GiveUp::Deadline);
        }
        if settings.budget.as_ref().is_some_and(|budget| !budget.withdraw()) {
            return Err(GiveUp::Budget);
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
        let delays = self.delays.get_or_insert_with(|| {
            Box::new(Delays { backoff: backoff.delays(), rng: settings.rng(), first_and_last: None })
        });
        let delay = delays.next(settings).ok_or(GiveUp::Exhausted)?;
        let (share, most) = AFTER_RETRY_AFTER;
        let spread = Span { low: Duration::ZERO, high: scale(after, share).min(most) };
        Ok(delay.max(after.saturating_add(spread.draw(&mut delays.rng))))
    }
}

/// Whether another backend takes the call now, so that there is nothing to wait for.
fn moves(fault: &Fault) -> bool {
    fault.elsewhere && worth_falling_back(fault) != Elsewhere::No
}

/// Foresees whether a call that failed so now would be sent again: as [`Attempts::next`] decides, with the longest delay that it may draw,
/// and nothing taken out of the budget.
pub(crate) fn would_go_on<B: Backoff>(settings: &Settings, backoff: &B, call: &Call, fault: &Fault) -> bool {
    let (elsewhere, retries) = (moves(fault), call.attempt.get() - 1);
    if retries >= settings.retries || !(elsewhere || settings.retryable(fault)) {
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
