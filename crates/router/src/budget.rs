mod account;
mod hold;

use std::{fmt, sync::Arc, time::Duration};

use dashmap::DashMap;
use tokio::time::Instant;

use self::account::{Account, MOST};
pub(crate) use self::hold::Hold;
use crate::{Invalid, Price, Usage};

/// Dollars to spend in each window of time, for each key: reserved before a call, settled after it.
///
/// Windows follow one another without overlap, from the moment at which the budget was made. What is reserved is the worst case;
/// as long as no call uses more than it said, concurrent calls never spend more than the budget. Clones share the accounts.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_router::Budget;
///
/// let budget = Budget::new(5.0, Duration::from_secs(86_400))?;
/// assert_eq!(budget.spent("team-a"), 0.0);
/// # Ok::<_, mainstay_router::Invalid>(())
/// ```
#[derive(Clone)]
pub struct Budget {
    most: u64,
    shared: Arc<Shared>,
}

struct Shared {
    length: Duration,
    epoch: Instant,
    accounts: DashMap<Arc<str>, Arc<Account>>,
}

const BILLION: f64 = 1e9;
/// More keys than this make room by forgetting those that have spent nothing in this window.
const MANY_KEYS: usize = 65_536;

// === impl Budget ===

impl Budget {
    /// Creates a budget: so many dollars for each key in each window.
    ///
    /// # Errors
    ///
    /// The sum is not a number from 0 to 250,000, or the window is shorter than a second.
    pub fn new(dollars: f64, window: Duration) -> Result<Self, Invalid> {
        let most = valid_dollars(dollars)?;
        let long = window >= Duration::from_secs(1);
        let length = Invalid::unless(long, "budget window", window, "at least a second")?;
        let shared = Shared { length, epoch: Instant::now(), accounts: DashMap::new() };
        Ok(Self { most, shared: Arc::new(shared) })
    }

    /// Returns the same budget with more or fewer dollars in each window: what was spent of the one is spent of the other.
    ///
    /// # Errors
    ///
    /// The sum is not a number from 0 to 250,000.
    pub fn with_dollars(&self, dollars: f64) -> Result<Self, Invalid> {
        Ok(Self { most: valid_dollars(dollars)?, shared: Arc::clone(&self.shared) })
    }

    /// The dollars that each key has in each window.
    pub fn dollars(&self) -> f64 {
        self.most as f64 / BILLION
    }

    /// What a key has spent in this window, reservations included, in dollars.
    pub fn spent(&self, key: &str) -> f64 {
        let window = self.window().0;
        let spent = self.shared.accounts.get(key).map_or(0, |account| account.spent(window));
        spent as f64 / BILLION
    }

    /// What all keys together have spent in this window, reservations included, in dollars.
    pub fn spent_by_all(&self) -> f64 {
        let window = self.window().0;
        self.shared
            .accounts
            .iter()
            .map(|account| account.spent(window) as f64 / BILLION)
            .fold(0.0, |sum, spent| sum + spent)
    }

    /// How long until the next window begins.
    pub fn renews_in(&self) -> Duration {
        self.window().1
    }

    /// Whether the worst case would fit if nothing were spent.
    pub(crate) fn ever_has_room(&self, price: Price, worst: Usage) -> bool {
        nanos(price.cost(worst)) <= self.most
    }

    /// Whether the key's budget has room for the worst case.
    pub(crate) fn has_room(&self, key: &str, price: Price, worst: Usage) -> bool {
        let window = self.window().0;
        let spent = self.shared.accounts.get(key).map_or(0, |account| account.spent(window));
        spent.saturating_add(nanos(price.cost(worst))) <= self.most
    }

    /// Reserves the worst case, if the key's budget has room for it.
    pub(crate) fn reserve(&self, key: &str, price: Price, worst: Usage) -> Option<Hold> {
        let ((key, account), window) = (self.account(key), self.window().0);
        let reserved = nanos(price.cost(worst));
        let is_reserved = account.reserve(window, reserved, self.most);
        is_reserved.then(|| Hold::new((key, account), (window, reserved), price, worst.input_tokens))
    }

    /// The account of a key, and its key.
    fn account(&self, key: &str) -> (Arc<str>, Arc<Account>) {
        let accounts = &self.shared.accounts;
        if let Some(account) = accounts.get(key) {
            return (Arc::clone(account.key()), Arc::clone(&account));
        }
        if accounts.len() >= MANY_KEYS {
            let window = self.window().0;
            accounts.retain(|_, account| Arc::strong_count(account) > 1 || account.spent(window) > 0);
        }
        let account = accounts.entry(key.into()).or_default();
        (Arc::clone(account.key()), Arc::clone(&account))
    }

    /// The number of the present window, and how long it lasts.
    #[expect(clippy::cast_possible_truncation, reason = "windows are only compared for equality")]
    fn window(&self) -> (u16, Duration) {
        let (passed, length) = (self.shared.epoch.elapsed().as_nanos(), self.shared.length.as_nanos());
        let left = u64::try_from(length - passed % length).unwrap_or(u64::MAX);
        ((passed / length) as u16, Duration::from_nanos(left))
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("dollars", &self.dollars())
            .field("window", &self.shared.length)
            .finish_non_exhaustive()
    }
}

fn valid_dollars(dollars: f64) -> Result<u64, Invalid> {
    let real = (0.0..=250_000.0).contains(&dollars);
    Invalid::unless(real, "budget", dollars, "a number of dollars from 0 to 250,000").map(nanos)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates, and costs are positive"
)]
fn nanos(dollars: f64) -> u64 {
    ((dollars * BILLION).ceil() as u64).min(MOST)
}
