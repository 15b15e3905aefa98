use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{Fault, FaultKind};

/// What happened to a call so far, attempt by attempt.
///
/// Whoever wants to know puts one into the [`Call`](crate::Call); whoever sends an attempt writes it down. Clones write
/// into the same journal. A call without one costs nothing.
///
/// # Examples
///
/// ```
/// use mainstay_fault::{Call, FaultKind, Journal};
///
/// let journal = Journal::new();
/// let call = Call::default().with_journal(journal.clone());
///
/// let mut entry = call.journal.as_ref().unwrap().begin("openai/gpt-4o");
/// entry.end(Some(FaultKind::Overloaded.into()));
///
/// let mut entry = call.journal.as_ref().unwrap().begin("azure/gpt-4o");
/// entry.bill(1_200, 300, Some(0.006));
/// entry.end(None);
///
/// let attempts = journal.attempts();
/// assert_eq!(attempts.len(), 2);
/// assert_eq!(&*attempts[1].backend, "azure/gpt-4o");
/// assert_eq!(attempts[1].dollars, Some(0.006));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Journal {
    attempts: Arc<Mutex<Attempts>>,
    /// The attempt that the handle speaks of. It is small, because each call carries it through all layers.
    at: Option<u32>,
}

/// Most calls have one attempt: it is kept without an allocation of its own.
#[derive(Debug, Default)]
struct Attempts {
    first: Option<Attempt>,
    more: Vec<Attempt>,
}

/// One attempt of a call, as its journal has it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Attempt {
    /// Where it was sent.
    pub backend: Arc<str>,
    /// Whose service that is, as OpenTelemetry's GenAI conventions name it (`gen_ai.provider.name`), if it was said.
    pub provider: Option<&'static str>,
    /// When it began.
    pub began: Instant,
    /// How long it stood in line for limits on this side, from when it began until it was sent.
    pub queued: Duration,
    /// Whether it stands in that line: nothing of it is sent yet. It stays so where it was given up there.
    pub in_line: bool,
    /// How long it took since it was sent, to the end of its stream if it had one; `None` while it is under way.
    pub took: Option<Duration>,
    /// Why it failed, if it did.
    pub fault: Option<Fault>,
    /// The tokens of the prompt, if the backend says.
    pub input_tokens: Option<u64>,
    /// The tokens of the answer, if the backend says.
    pub output_tokens: Option<u64>,
    /// What it cost in US dollars, if the price is known.
    pub dollars: Option<f64>,
}

/// An attempt that is being written down. Dropped before its end, it was [cancelled](crate::FaultKind::Cancelled).
#[derive(Debug)]
pub struct Entry {
    journal: Journal,
    index: u32,
    ended: bool,
}

// === impl Journal ===

impl Journal {
    /// Creates an empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes down that an attempt begins.
    pub fn begin(&self, backend: impl Into<Arc<str>>) -> Entry {
        self.begin_at(backend, None)
    }

    /// The same, and whose service it is.
    pub fn begin_at(&self, backend: impl Into<Arc<str>>, provider: Option<&'static str>) -> Entry {
        let attempt = Attempt {
            backend: backend.into(),
            provider,
            began: Instant::now(),
            queued: Duration::ZERO,
            in_line: false,
            took: None,
            fault: None,
            input_tokens: None,
            output_tokens: None,
            dollars: None,
        };
        let mut attempts = self.lock();
        let index = attempts.next();
        match attempts.first {
            None => attempts.first = Some(attempt),
            Some(_) => attempts.more.push(attempt),
        }
        Entry { journal: self.clone(), index, ended: false }
    }

    /// Has the handle speak of an attempt. So a layer that writes attempts down tells those further in, which find the journal in the
    /// [`Call`](crate::Call), which one theirs is.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use mainstay_fault::{Call, Journal};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
    /// let journal = Journal::new();
    /// let mut call = Call::default().with_journal(journal.clone());
    /// let mut entry = journal.begin("openai/gpt-4o");
    /// call.journal.as_mut().unwrap().enter(&entry);
    ///
    /// // Further in, it stands in line for two seconds; the answer takes three.
    /// tokio::time::sleep(Duration::from_secs(2)).await;
    /// call.journal.as_ref().unwrap().queued(Duration::from_secs(2));
    /// tokio::time::sleep(Duration::from_secs(3)).await;
    /// entry.end(None);
    ///
    /// let attempt = &journal.attempts()[0];
    /// assert_eq!((attempt.queued, attempt.took), (Duration::from_secs(2), Some(Duration::from_secs(3))));
    /// # });
    /// ```
    pub const fn enter(&mut self, entry: &Entry) {
        self.at = Some(entry.index);
    }

    /// A handle that speaks of the attempt that will begin next: for who is outside of what writes it down.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_fault::Journal;
    ///
    /// let mut journal = Journal::new();
    /// let outside = journal.upcoming();
    /// let entry = journal.begin("openai/gpt-4o");
    /// journal.enter(&entry);
    ///
    /// // Further in, it stands in line for limits, and is given up there.
    /// journal.stands_in_line(true);
    /// drop(entry);
    /// assert!(outside.is_in_line(), "nothing was sent");
    /// ```
    #[must_use]
    pub fn upcoming(&self) -> Self {
        let at = Some(self.lock().next());
        Self { at, ..self.clone() }
    }

    /// Writes down that the attempt that the handle [speaks of](Self::enter) stands in line for limits on this side, or that it has left
    /// the line to be sent. Of none, nothing is written.
    pub fn stands_in_line(&self, stands: bool) {
        let Some(at) = self.at else { return };
        if let Some(attempt) = self.lock().get_mut(at) {
            attempt.in_line = stands;
        }
    }

    /// Whether the attempt that the handle [speaks of](Self::enter) stands in line, or was given up there. One of which that was never
    /// said does not.
    pub fn is_in_line(&self) -> bool {
        let mut attempts = self.lock();
        self.at.and_then(|at| attempts.get_mut(at)).is_some_and(|attempt| attempt.in_line)
    }

    /// Writes down that the attempt that the handle [speaks of](Self::enter) stood in line so long, until now. Of none, nothing is
    /// written.
    pub fn queued(&self, time: Duration) {
        let Some(at) = self.at else { return };
        if let Some(attempt) = self.lock().get_mut(at) {
            attempt.queued += time;
        }
    }

    /// Returns the attempts so far, in the order in which they began.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.map(Attempt::clone)
    }

    /// How many attempts there were so far.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes something of each attempt so far, in the order in which they began.
    pub fn map<T>(&self, map: impl FnMut(&Attempt) -> T) -> Vec<T> {
        let attempts = self.lock();
        let mut mapped = Vec::with_capacity(attempts.len());
        mapped.extend(attempts.first.iter().chain(&attempts.more).map(map));
        mapped
    }

    fn lock(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Two journals are equal if they are the same one.
impl PartialEq for Journal {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.attempts, &other.attempts)
    }
}

impl Eq for Journal {}

// === impl Attempts ===

impl Attempts {
    fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    /// The number of the attempt that will begin next.
    fn next(&self) -> u32 {
        u32::try_from(self.len()).unwrap_or(u32::MAX)
    }

    fn get_mut(&mut self, index: u32) -> Option<&mut Attempt> {
        match index.checked_sub(1) {
            None => self.first.as_mut(),
            Some(index) => self.more.get_mut(index as usize),
        }
    }
}

// === impl Entry ===

impl Entry {
    /// Writes down what was used, and what that costs.
    pub fn bill(&mut self, input_tokens: u64, output_tokens: u64, dollars: Option<f64>) {
        self.write(|attempt| {
            attempt.input_tokens = Some(input_tokens);
            attempt.output_tokens = Some(output_tokens);
            attempt.dollars = dollars;
        });
    }

    /// Writes down how it ended. The first end counts.
    pub fn end(&mut self, fault: Option<Fault>) {
        if self.ended {
            return;
        }
        self.ended = true;
        self.write(|attempt| {
            let passed = attempt.began.elapsed();
            if attempt.in_line {
                attempt.queued = passed;
            }
            attempt.took = Some(passed.saturating_sub(attempt.queued));
            attempt.fault = fault;
        });
    }

    fn write(&self, change: impl FnOnce(&mut Attempt)) {
        if let Some(attempt) = self.journal.lock().get_mut(self.index) {
            change(attempt);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.end(Some(FaultKind::Cancelled.into()));
    }
}
