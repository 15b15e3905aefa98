use std::env;

use anyhow::Result;

/// Measures the sides of works: how long they take, or how often they allocate.
pub trait Measure {
    /// Measures a work that is done when `unit` returns.
    fn unit<T>(&mut self, work: &str, side: &str, unit: impl FnMut() -> T);

    /// Measures a work that so many threads do at the same time on one subject, each again and again: the time that it
    /// takes each of them.
    ///
    /// Each sample begins with a new subject; to make it is not measured.
    fn shared<S: Sync, T>(
        &mut self,
        work: &str,
        side: &str,
        threads: u32,
        make: impl Fn() -> S,
        unit: impl Fn(&S) -> T + Sync,
    );

    /// Measures calls that go over the network, so many at a time.
    fn calls<F>(
        &mut self,
        work: &str,
        side: &str,
        at_once: u32,
        call: impl Fn() -> F + Clone + Send + 'static,
    ) where
        F: Future<Output: Send> + Send + 'static;

    /// Measures what lies between two moments of something that takes longer: each run says how long that was.
    fn between<F>(&mut self, work: &str, side: &str, run: impl Fn() -> F)
    where
        F: Future<Output = Took>;

    /// Measures what is a number already: a count, or the middle one of several times in nanoseconds.
    ///
    /// # Errors
    ///
    /// It cannot be kept.
    fn number(&mut self, work: &str, side: &str, number: impl FnOnce() -> f64) -> Result<()>;
}

/// What a measured future says of itself.
pub type Took = std::time::Duration;

/// Whether this program only has to show that it works, as under `cargo test`, and not to measure.
pub fn is_trial() -> bool {
    let given = |flag: &str| env::args().any(|argument| argument == flag);
    !given("--bench") || given("--test")
}
