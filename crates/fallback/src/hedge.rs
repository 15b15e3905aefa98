use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// When a tier is begun though those above have not failed: they are slower than they mostly are.
///
/// Waiting for the slowest answers costs more than asking once more: see Dean and Barroso, "The Tail at Scale" (2013). The
/// delay follows a quantile of what the tiers above take, the 95th percentile unless set, so that about a twentieth of
/// the calls are hedged: it grows a little with each call that is slower and shrinks a little with each that is not, in the
/// proportion of the quantile (Ma, Muthukrishnan and Sandler, "Frugal Streaming for Estimating Quantiles", 2013).
///
/// # Clone
///
/// Clones share the delay that was learnt.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mainstay_fallback::Hedge;
///
/// let learns = Hedge::starting_at(Duration::from_secs(2)).quantile(0.9);
/// let fixed = Hedge::after(Duration::from_secs(2)).when(|| true);
/// assert_eq!(fixed.delay(), Duration::from_secs(2));
/// # let _ = learns;
/// ```
#[derive(Clone)]
#[must_use]
pub struct Hedge {
    nanos: Arc<AtomicU64>,
    /// How much the delay grows and shrinks, by the quantile; none if it is fixed.
    quantile: Option<f64>,
    when: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

/// By how much the delay may change at one call.
const STEP: f64 = 1.1;
/// The shortest and the longest delay that is learnt, in seconds.
const SHORTEST: f64 = 1e-6;
const LONGEST: f64 = 3_600.0;

// === impl Hedge ===

impl Hedge {
    /// Begins the tier always after the same delay.
    pub fn after(delay: Duration) -> Self {
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        Self { nanos: Arc::new(AtomicU64::new(nanos)), quantile: None, when: None }
    }

    /// Begins the tier after a delay that is learnt, and is this one at first.
    pub fn starting_at(delay: Duration) -> Self {
        Self { quantile: Some(0.95), ..Self::after(delay.max(Duration::from_micros(1))) }
    }

    /// Sets the share of calls that are answered without a hedge, above 0 and below 1; what is outside is brought inside.
    pub fn quantile(mut self, quantile: f64) -> Self {
        self.quantile = Some(if quantile.is_nan() { 0.95 } else { quantile.clamp(0.01, 0.999) });
        self
    }

    /// Hedges only when a closure agrees: a budget of retries, for one.
    pub fn when(mut self, agrees: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.when = Some(Arc::new(agrees));
        self
    }

    /// How long the tiers above have at present.
    pub fn delay(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Relaxed))
    }

    pub(crate) fn agrees(&self) -> bool {
        self.when.as_ref().is_none_or(|when| when())
    }

    /// Learns from a call whether it took longer than the delay.
    pub(crate) fn observe(&self, slower: bool) {
        let Some(quantile) = self.quantile else { return };
        let exponent = if slower { quantile } else { quantile - 1.0 };
        let factor = STEP.powf(exponent);
        // Two that change it at once may lose one step: it is an estimate.
        let delay = self.delay().as_secs_f64() * factor;
        let nanos = Duration::from_secs_f64(delay.clamp(SHORTEST, LONGEST)).as_nanos();
        self.nanos.store(u64::try_from(nanos).unwrap_or(u64::MAX), Relaxed);
    }
}

impl fmt::Debug for Hedge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hedge")
            .field("delay", &self.delay())
            .field("quantile", &self.quantile)
            .finish_non_exhaustive()
    }
}
