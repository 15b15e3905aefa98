use std::{
    sync::{
        Arc,
        atomic::{
            AtomicI64, AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed},
        },
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::InvalidBackoff;

/// A share of the calls that may be retries, for all callers of a service together.
///
/// When everything fails, every call is retried, and the upstream that went down under the load of the calls gets four
/// times as many. A budget bounds that: each call deposits a fraction of a retry, each retry withdraws a whole one, and
/// when nothing is left, the call fails with what it has.
///
/// - `ratio`: the retries that each call pays for, 0.2 by default: 20 % of the calls.
/// - `floor`: the retries a second that are granted when the balance is short, 10 by default, so that a service which
///   is seldom called can retry at all. They are debited too: where calls are frequent, `ratio` alone counts.
/// - `burst`: what a new budget holds, and the most that can be saved up (though never less than one): 100 retries by
///   default.
///
/// In any `t` seconds with `n` calls it grants at most `max(burst, 1) + ratio × n + floor × t + 1` retries. The defaults are those
/// of Finagle and linkerd (20 %, 10 a second, saved over 10 s).
///
/// Beside tower's `TpsBudget`: a deposit takes no lock and reads no clock (one load when the balance is full, which it
/// is as long as all is well); numbers that make no sense are errors and no panics; tokio's clock drives it in tests.
/// It implements tower's [`Budget`](tower::retry::budget::Budget) as well.
///
/// # Clone
///
/// Clones share one balance. Give one budget to all the policies that call the same upstream.
///
/// # Examples
///
/// ```
/// use mainstay_backoff::{RetryBudget, RetryPolicy};
///
/// let budget = RetryBudget::new(0.1, 1.0, 20)?;
/// let chat = RetryPolicy::default().budget(budget.clone());
/// let embeddings = RetryPolicy::default().budget(budget);
///
/// let error = RetryBudget::new(f64::NAN, 1.0, 20).unwrap_err();
/// assert_eq!(error.to_string(), "ratio is NaN: it must be between 0 and 1000");
/// # Ok::<_, mainstay_backoff::InvalidBackoff>(())
/// ```
#[derive(Clone, Debug)]
pub struct RetryBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// In thousandths of a retry; below zero, down to `-full`, by what the floor has granted.
    balance: AtomicI64,
    /// The earliest moment of the floor's next grant, in nanoseconds after `origin`.
    next_grant: AtomicU64,
    origin: Instant,
    deposit: i64,
    full: i64,
    /// Nanoseconds between two grants of the floor; `None` if there is no floor.
    interval: Option<u64>,
}

/// One retry, in the units of the balance.
const RETRY: i64 = 1000;

// === impl RetryBudget ===

impl RetryBudget {
    /// Creates a budget from its ratio, its floor in retries a second, and its burst in retries.
    ///
    /// # Errors
    ///
    /// If `ratio` is not between 0 and 1000, or `floor` not between 0 and a million.
    pub fn new(ratio: f64, floor: f64, burst: u32) -> Result<Self, InvalidBackoff> {
        InvalidBackoff::unless((0.0..=1000.0).contains(&ratio), "ratio", ratio, "between 0 and 1000")?;
        InvalidBackoff::unless(
            (0.0..=1e6).contains(&floor),
            "floor",
            floor,
            "between 0 and a million a second",
        )?;
        let interval = Duration::try_from_secs_f64(floor.recip()).ok();
        Ok(Self(Arc::new(Shared {
            balance: AtomicI64::new(i64::from(burst) * RETRY),
            next_grant: AtomicU64::new(0),
            origin: Instant::now(),
            #[expect(clippy::cast_possible_truncation, reason = "at most a million")]
            deposit: (ratio * RETRY as f64).round() as i64,
            full: i64::from(burst.max(1)) * RETRY,
            interval: interval.map(nanos),
        })))
    }

    /// Pays in for one call.
    #[inline]
    pub fn deposit(&self) {
        let Shared { balance, deposit, full, .. } = &*self.0;
        let _ = balance.fetch_update(Relaxed, Relaxed, |now| {
            (now < *full).then(|| now.saturating_add(*deposit).min(*full))
        });
    }

    /// Takes out one retry. `false` if there is none to take.
    pub fn withdraw(&self) -> bool {
        let covered =
            self.0.balance.fetch_update(Relaxed, Relaxed, |now| (now >= RETRY).then(|| now - RETRY));
        covered.is_ok() || self.withdraw_from_floor()
    }

    /// Tells whether there is one to take out now, and leaves it there. Others may be quicker.
    pub fn has_one(&self) -> bool {
        let Shared { balance, next_grant, origin, interval, .. } = &*self.0;
        let granted = || interval.is_some() && nanos(origin.elapsed()) >= next_grant.load(Relaxed);
        balance.load(Relaxed) >= RETRY || granted()
    }

    /// Takes out one retry although the balance is short, at most once in the floor's interval.
    fn withdraw_from_floor(&self) -> bool {
        let Shared { balance, next_grant, origin, full, interval, .. } = &*self.0;
        let Some(interval) = interval else { return false };
        let now = nanos(origin.elapsed());
        let granted = next_grant
            .fetch_update(AcqRel, Acquire, |next| (now >= next).then(|| now.saturating_add(*interval)));
        if granted.is_ok() {
            let _ = balance.fetch_update(Relaxed, Relaxed, |now| Some((now - RETRY).max(-*full)));
        }
        granted.is_ok()
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new(0.2, 10.0, 100).expect("the defaults are within their bounds")
    }
}

impl tower::retry::budget::Budget for RetryBudget {
    fn deposit(&self) {
        self.deposit();
    }

    fn withdraw(&self) -> bool {
        self.withdraw()
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
