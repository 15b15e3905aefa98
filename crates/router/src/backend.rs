use std::{fmt, sync::Arc};

use crate::{Capabilities, Gate, Invalid, Price, Profile, Standing, Usage};

/// A service, and what a strategy may know of it.
///
/// | attribute | default |
/// |---|---|
/// | [`model`](Self::model) | the backend's name |
/// | [`price`](Self::price) | none: strategies that look at costs leave it for last |
/// | [`window`](Self::window) | no limit |
/// | [`max_output`](Self::max_output) | not known: calls say how long an answer may be, or estimate it |
/// | [`can`](Self::can) | everything |
/// | [`grade`](Self::grade) | [`Grade::STANDARD`] |
/// | [`weight`](Self::weight) | 1 |
/// | [`gate`](Self::gate) | always open |
/// | [`sharing`](Self::sharing) | nothing: its health is its own |
///
/// # Examples
///
/// ```
/// use mainstay_router::{Backend, Capabilities, Grade, Price};
///
/// let backend = Backend::new("small", "a service")
///     .model("gpt-4o-mini")
///     .price(Price::per_million(0.15, 0.60)?)
///     .window(128_000)
///     .can(Capabilities::TOOLS | Capabilities::STREAMING)
///     .grade(Grade::SMALL)
///     .weight(3.0)?;
/// assert_eq!(backend.attributes().name(), "small");
/// # Ok::<_, mainstay_router::Invalid>(())
/// ```
pub struct Backend<S> {
    pub(crate) service: S,
    pub(crate) attributes: Attributes,
    pub(crate) weight: f64,
    pub(crate) gate: Option<Box<dyn Gate>>,
    pub(crate) standing: Option<Standing>,
}

/// What does not change about a backend.
#[derive(Clone, Debug)]
pub struct Attributes {
    pub(crate) name: Arc<str>,
    pub(crate) model: Arc<str>,
    pub(crate) price: Option<Price>,
    pub(crate) window: Option<u64>,
    pub(crate) max_output: Option<u64>,
    pub(crate) can: Capabilities,
    pub(crate) grade: Grade,
}

/// How capable a model is, beside the others: the higher, the more it can be trusted with.
///
/// # Examples
///
/// ```
/// use mainstay_router::Grade;
///
/// assert!(Grade::DEEP > Grade::STANDARD && Grade::STANDARD > Grade::SMALL);
/// assert!(Grade::new(25) > Grade::STANDARD, "there is room between them");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Grade(u8);

// === impl Backend ===

impl<S> Backend<S> {
    /// Creates a backend. Its name is for people: in traces, errors and snapshots.
    pub fn new(name: impl Into<Arc<str>>, service: S) -> Self {
        let name = name.into();
        let attributes = Attributes {
            model: Arc::clone(&name),
            name,
            price: None,
            window: None,
            max_output: None,
            can: Capabilities::all(),
            grade: Grade::STANDARD,
        };
        Self { service, attributes, weight: 1.0, gate: None, standing: None }
    }

    /// Sets the name by which it knows its model.
    #[must_use]
    pub fn model(mut self, model: impl Into<Arc<str>>) -> Self {
        self.attributes.model = model.into();
        self
    }

    /// Sets what it costs.
    #[must_use]
    pub fn price(mut self, price: Price) -> Self {
        self.attributes.price = Some(price);
        self
    }

    /// Sets how many tokens fit into its context window, prompt and answer together.
    #[must_use]
    pub fn window(mut self, tokens: u64) -> Self {
        self.attributes.window = Some(tokens);
        self
    }

    /// Sets how many tokens an answer has at the most: what budgets reserve for calls that set no limit of their own.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_router::{Backend, Profile};
    ///
    /// let backend = Backend::new("small", "a service").max_output(4_096);
    /// let open = Profile { output_tokens: 500, open_answers: 2, ..Profile::default() };
    /// assert_eq!(backend.attributes().worst_case(&open).output_tokens, 8_192);
    /// let limited = Profile { output_tokens: 500, ..Profile::default() };
    /// assert_eq!(backend.attributes().worst_case(&limited).output_tokens, 500);
    /// ```
    #[must_use]
    pub fn max_output(mut self, tokens: u64) -> Self {
        self.attributes.max_output = Some(tokens);
        self
    }

    /// Sets what it can do, and nothing else.
    #[must_use]
    pub fn can(mut self, capabilities: Capabilities) -> Self {
        self.attributes.can = capabilities;
        self
    }

    /// Sets how capable it is.
    #[must_use]
    pub fn grade(mut self, grade: Grade) -> Self {
        self.attributes.grade = grade;
        self
    }

    /// Sets its share beside the others. With 0 it takes no calls.
    ///
    /// # Errors
    ///
    /// It is negative, infinite or not a number.
    pub fn weight(mut self, weight: f64) -> Result<Self, Invalid> {
        self.weight = valid_weight(weight)?;
        Ok(self)
    }

    /// Sets what says whether a call would have to wait before it.
    #[must_use]
    pub fn gate(mut self, gate: impl Gate + 'static) -> Self {
        self.gate = Some(Box::new(gate));
        self
    }

    /// Shares its health with the backends of other sets that are the same model on the same server: see [`Standing`].
    #[must_use]
    pub fn sharing(mut self, standing: &Standing) -> Self {
        self.standing = Some(standing.clone());
        self
    }

    /// What does not change about it.
    pub const fn attributes(&self) -> &Attributes {
        &self.attributes
    }
}

pub(crate) fn valid_weight(weight: f64) -> Result<f64, Invalid> {
    Invalid::unless(weight.is_finite() && weight >= 0.0, "weight", weight, "a number, not negative")
}

impl<S: fmt::Debug> fmt::Debug for Backend<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend")
            .field("service", &self.service)
            .field("attributes", &self.attributes)
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}

// === impl Attributes ===

impl Attributes {
    /// The name, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name by which it knows its model.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The name by which it knows its model, shared.
    pub fn shared_model(&self) -> Arc<str> {
        Arc::clone(&self.model)
    }

    /// What it costs, if that is known.
    pub const fn price(&self) -> Option<Price> {
        self.price
    }

    /// How many tokens fit into its context window, if there is a limit.
    pub const fn window(&self) -> Option<u64> {
        self.window
    }

    /// How many tokens an answer has at the most, if that is known.
    pub const fn max_output(&self) -> Option<u64> {
        self.max_output
    }

    /// The most that a call can use here.
    pub const fn worst_case(&self, profile: &Profile<'_>) -> Usage {
        match (self.max_output, profile.open_answers) {
            (Some(most), answers @ 1..) => {
                Usage::new(profile.input_tokens, most.saturating_mul(answers as u64))
            }
            _ => profile.worst_case(),
        }
    }

    /// What it can do.
    pub const fn capabilities(&self) -> Capabilities {
        self.can
    }

    /// How capable it is.
    pub const fn grade(&self) -> Grade {
        self.grade
    }
}

// === impl Grade ===

impl Grade {
    /// A small model.
    pub const SMALL: Self = Self(10);
    /// The model for most things.
    pub const STANDARD: Self = Self(20);
    /// The model that thinks longest.
    pub const DEEP: Self = Self(30);

    /// Creates a grade: the three named ones are 10, 20 and 30.
    pub const fn new(grade: u8) -> Self {
        Self(grade)
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}
