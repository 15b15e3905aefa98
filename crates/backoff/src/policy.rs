use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use mainstay_fault::{Call, Fault};

use crate::{
    Backoff, ByFault, Check, Classify, Exponential, GiveUpEvent, Jitter, Judge, Rejected, RetryBudget,
    RetryEvent, Track, Tracked, Untracked, Wait,
    attempts::{Attempts, would_go_on},
    settings::Settings,
};

/// When to send a call again, and after what wait.
///
/// | setting | default |
/// |---|---|
/// | [`retries`](Self::retries) | 3, so 4 attempts; the first move to each other backend is not counted |
/// | [`backoff`](Self::backoff) | exponential: 1 s, doubled each time, at most 60 s |
/// | [`jitter`](Self::jitter) | proportional, 0.5 to 1.5 |
/// | [`cap`](Self::cap) | 60 s: no delay of the backoff exceeds it, jitter included |
/// | [`max_wait`](Self::max_wait) | 60 s: a longer Retry-After ends the call at once |
/// | [`deadline`](Self::deadline) | none |
/// | [`budget`](Self::budget) | 20 % of the calls, at least 10 a second: see [`RetryBudget`] |
/// | what is retried | what [`mainstay_fault::retryable`] says, the server's own word first |
///
/// A server's Retry-After is a floor: the wait is that long and up to a tenth longer (at most 1 s), or the backoff's delay
/// if that is longer. It is never
/// waited after the last attempt, nor where the wait would cross the deadline: the call then ends at once, with the
/// error that it has.
///
/// Where the fault says that another backend can take the call now ([`Fault::elsewhere`]), it goes there at once, and that counts as none
/// of the retries until the first of them. It is paid for out of the same budget, unless the backend that it leaves is set aside
/// ([`Fault::set_aside`]): such moves are as few as the calls which that backend had, and all of them are to arrive.
///
/// # Clone
///
/// Clones share the budget and the seed.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_backoff::{Exponential, Jitter, RetryPolicy};
///
/// let policy = RetryPolicy::default()
///     .retries(5)
///     .backoff(Exponential::new(Duration::from_millis(200), 2.0, Duration::from_secs(10))?)
///     .jitter(Jitter::Full)
///     .deadline(Duration::from_secs(30))
///     .on_retry(|retry| eprintln!("attempt {} failed: {}; waiting {:?}", retry.attempt, retry.fault, retry.delay));
/// # Ok::<_, mainstay_backoff::InvalidBackoff>(())
/// ```
#[must_use]
pub struct RetryPolicy<B: Backoff = Exponential, J = ByFault, T = Untracked> {
    pub(crate) settings: Settings,
    pub(crate) backoff: B,
    pub(crate) judge: J,
    pub(crate) track: T,
    /// The call that a clone of this policy is driving in tower's own retry layer.
    pub(crate) call: Option<Attempts<B::Delays>>,
}

// === impl RetryPolicy ===

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            backoff: Exponential::default(),
            judge: ByFault,
            track: Untracked,
            call: None,
        }
    }
}

impl<B: Backoff, T> RetryPolicy<B, ByFault, T> {
    /// Judges errors by a closure, for error types that do not implement [`HasFault`](mainstay_fault::HasFault).
    ///
    /// To be called before [`check`](Self::check), which goes by it:
    ///
    /// ```compile_fail
    /// use mainstay_backoff::RetryPolicy;
    /// use mainstay_fault::FaultKind;
    ///
    /// let policy = RetryPolicy::default().check(|_: &u32| Ok(())).classify(|_: &String| FaultKind::Timeout.into());
    /// ```
    pub fn classify<E, F: Fn(&E) -> Fault>(self, classify: F) -> RetryPolicy<B, Classify<F>, T> {
        self.judged(|_| Classify(classify))
    }

    /// Judges outcomes by a [`Judge`] of your own, where there is an example. Unlike [`check`](Self::check), before which it is to be
    /// called, it can have an answer asked for again that the caller gets as it is when no retry is left.
    pub fn judge_by<K>(self, judge: K) -> RetryPolicy<B, K, T> {
        self.judged(|_| judge)
    }
}

impl<B: Backoff, J, T> RetryPolicy<B, J, T> {
    /// Sets how often a call is sent again at most, the first move to each other backend apart: with one backend, one less than its
    /// attempts.
    pub fn retries(mut self, retries: u32) -> Self {
        self.settings.retries = retries;
        self
    }

    /// Sets the delays before the first retry, the second, and so on.
    pub fn backoff<Other: Backoff>(self, backoff: Other) -> RetryPolicy<Other, J, T> {
        RetryPolicy { settings: self.settings, backoff, judge: self.judge, track: self.track, call: None }
    }

    /// Sets how the delays are spread.
    pub fn jitter(mut self, jitter: impl Into<Jitter>) -> Self {
        self.settings.jitter = jitter.into();
        self
    }

    /// Sets the longest delay of the backoff, jitter included. A Retry-After may be longer: see [`max_wait`](Self::max_wait).
    pub fn cap(mut self, cap: Duration) -> Self {
        self.settings.cap = cap;
        self
    }

    /// Sets the longest Retry-After that is waited for. A longer one ends the call at once with the original error.
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.settings.max_wait = max_wait;
        self
    }

    /// Sets the time from a call's start that no wait may cross. It does not cut off an attempt that is under way.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = Some(deadline);
        self
    }

    /// Sets the budget, to share one between policies or to set its numbers.
    pub fn budget(mut self, budget: RetryBudget) -> Self {
        self.settings.budget = Some(budget);
        self
    }

    /// The budget that retries are paid from, to share it with what is no clone of this policy. `None` if there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_backoff::RetryPolicy;
    ///
    /// let chat = RetryPolicy::default();
    /// let quick = match chat.shared_budget() {
    ///     Some(budget) => RetryPolicy::default().retries(1).budget(budget.clone()),
    ///     None => RetryPolicy::default().retries(1).without_budget(),
    /// };
    /// while quick.shared_budget().unwrap().withdraw() {}
    /// assert!(!chat.shared_budget().unwrap().has_one());
    /// ```
    pub const fn shared_budget(&self) -> Option<&RetryBudget> {
        self.settings.budget.as_ref()
    }

    /// Lets every call use all its retries, whatever that does to an upstream that is down.
    pub fn without_budget(mut self) -> Self {
        self.settings.budget = None;
        self
    }

    /// Decides by a closure which faults are retried, in place of [`mainstay_fault::retryable`].
    pub fn when(mut self, retryable: impl Fn(&Fault) -> bool + Send + Sync + 'static) -> Self {
        self.settings.when = Some(Arc::new(retryable));
        self
    }

    /// Calls a closure before each retry's wait.
    pub fn on_retry(mut self, hook: impl Fn(&RetryEvent) + Send + Sync + 'static) -> Self {
        self.settings.on_retry = Some(Arc::new(hook));
        self
    }

    /// Calls a closure when a call that failed is not tried again.
    pub fn on_give_up(mut self, hook: impl Fn(&GiveUpEvent) + Send + Sync + 'static) -> Self {
        self.settings.on_give_up = Some(Arc::new(hook));
        self
    }

    /// Makes the jitter repeatable: the n-th call that fails draws the same numbers in every run.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = Some(Arc::new(AtomicU64::new(seed)));
        self
    }

    /// Looks at each answer too: one that the closure refuses is an error and is retried, since a model answers
    /// differently each time. When no retry is left, the call ends with that error: the service's error must be
    /// `From<Rejected>`.
    pub fn check<Res, F>(self, check: F) -> RetryPolicy<B, Check<J, F>, T>
    where
        F: Fn(&Res) -> Result<(), Rejected>,
    {
        self.judged(|judge| Check::new(judge, check))
    }

    /// Keeps the [`Call`] that requests carry ([`HasCall`](mainstay_fault::HasCall)): its deadline
    /// counts if it is tighter than the policy's, each attempt has its number, and the backends tried are remembered. An
    /// `http::Request` that carries none is given one, for which its extensions allocate.
    pub fn tracked(self) -> RetryPolicy<B, J, Tracked> {
        self.track_by(Tracked)
    }

    /// Reads requests, and writes to them before each further attempt, by a [`Track`] of your own, where there is an example.
    pub fn track_by<K>(self, track: K) -> RetryPolicy<B, J, K> {
        RetryPolicy { settings: self.settings, backoff: self.backoff, judge: self.judge, track, call: None }
    }

    /// Foresees whether a call would be sent again if its attempt failed so now: for who can let it go on instead, such as a client whose
    /// server is slow.
    ///
    /// It goes by what the call knows of itself ([`tracked`](Self::tracked)), counts with the most that jitter may add to the delay, and pays
    /// for nothing: that others are quicker to spend the budget cannot be foreseen.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_backoff::RetryPolicy;
    /// use mainstay_fault::{Call, Fault, FaultKind};
    ///
    /// let policy = RetryPolicy::default();
    /// assert!(policy.would_retry(&Call::default(), &Fault::new(FaultKind::Timeout)));
    /// assert!(!policy.retries(0).would_retry(&Call::default(), &Fault::new(FaultKind::Timeout)));
    /// ```
    pub fn would_retry(&self, call: &Call, fault: &Fault) -> bool {
        would_go_on(&self.settings, &self.backoff, call, fault)
    }

    /// What follows on an attempt: the wait before the next one, whose request is told of it; `None` if the outcome
    /// stands.
    pub(crate) fn after<Request, Res, E>(
        &self,
        attempts: &mut Attempts<B::Delays>,
        again: &mut Request,
        outcome: &mut Result<Res, E>,
    ) -> Option<Wait>
    where
        J: Judge<Res, E>,
        T: Track<Request>,
    {
        let fault = self.judge.judge(outcome)?;
        let delay = attempts.next(&self.settings, &self.backoff, &fault).ok()?;
        self.track.retried(again, &fault);
        Some(Wait::new(delay))
    }

    fn judged<Other>(self, judge: impl FnOnce(J) -> Other) -> RetryPolicy<B, Other, T> {
        let judge = judge(self.judge);
        RetryPolicy { settings: self.settings, backoff: self.backoff, judge, track: self.track, call: None }
    }
}

impl<B: Backoff, J: Clone, T: Clone> Clone for RetryPolicy<B, J, T>
where
    B::Delays: Clone,
{
    fn clone(&self) -> Self {
        Self {
            settings: self.settings.clone(),
            backoff: self.backoff.clone(),
            judge: self.judge.clone(),
            track: self.track.clone(),
            call: self.call.clone(),
        }
    }
}

impl<B: Backoff + fmt::Debug, J: fmt::Debug, T: fmt::Debug> fmt::Debug for RetryPolicy<B, J, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { retries, jitter, cap, max_wait, deadline, budget, .. } = &self.settings;
        f.debug_struct("RetryPolicy")
            .field("retries", retries)
            .field("backoff", &self.backoff)
            .field("jitter", jitter)
            .field("cap", cap)
            .field("max_wait", max_wait)
            .field("deadline", deadline)
            .field("budget", budget)
            .field("judge", &self.judge)
            .field("track", &self.track)
            .finish_non_exhaustive()
    }
}
