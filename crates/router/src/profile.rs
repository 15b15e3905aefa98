use crate::{Attributes, Capabilities, Usage};

/// What the router knows of a request. The default knows nothing, and needs nothing.
///
/// # Examples
///
/// ```
/// use mainstay_router::{Capabilities, Profile};
///
/// let profile = Profile { input_tokens: 800, needs: Capabilities::TOOLS, ..Profile::default() };
/// assert_eq!(profile.worst_case().output_tokens, 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile<'a> {
    /// The tokens of the prompt, as estimated.
    pub input_tokens: u64,
    /// The most tokens that the answer may have, or as many as are expected of one that is not limited: see
    /// [`open_answers`](Self::open_answers).
    pub output_tokens: u64,
    /// How many answers are asked for without a limit to their length: 0 unless set. Their worst case is a backend's
    /// [`max_output`](crate::Backend::max_output) for each, if that is known.
    pub open_answers: u16,
    /// The characters of the prompt.
    pub prompt_chars: u64,
    /// What the backend must be able to do. Tools and structured output also make a call more complex.
    pub needs: Capabilities,
    /// How many steps the call is part of, at least 1.
    pub steps: u32,
    /// Whose money it spends: see [`CostBudget`](crate::strategy::CostBudget).
    pub budget_key: &'a str,
    /// The prompt, for strategies that read it.
    pub text: &'a str,
}

/// What is kept of a [`Profile`] while the call is made: two words, as futures are moved. What is more than fits is the most that does.
#[derive(Clone, Copy)]
pub(crate) struct Needs {
    input_tokens: u32,
    output_tokens: u32,
    prompt_chars: u32,
    steps: u8,
    open_answers: u8,
    abilities: Capabilities,
}

/// Tells the router what it must know of a request, and makes a request fit for its backend.
///
/// A closure `Fn(&Request) -> Profile<'_>` is one that changes no request; [`Unknown`] is the default; see
/// [`Router::map_request`](crate::Router::map_request) for changing requests.
pub trait Describe<Request> {
    /// Describes a request.
    fn describe<'a>(&self, request: &'a Request) -> Profile<'a>;

    /// Makes the request fit for the backend that was chosen, such as by writing its model's name.
    fn address(&self, request: Request, backend: &Attributes) -> Request {
        let _ = backend;
        request
    }
}

/// Knows nothing of any request: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unknown;

/// Describes as `D` does, and changes requests by a closure. Made by [`Router::map_request`](crate::Router::map_request).
#[derive(Clone, Copy, Debug)]
pub struct Addressed<D, F> {
    pub(crate) describe: D,
    pub(crate) address: F,
}

// === impl Profile ===

impl Default for Profile<'_> {
    fn default() -> Self {
        Self {
            input_tokens: 0,
            output_tokens: 0,
            open_answers: 0,
            prompt_chars: 0,
            needs: Capabilities::empty(),
            steps: 1,
            budget_key: "",
            text: "",
        }
    }
}

impl Profile<'_> {
    /// The most that the call can use at a backend of which nothing more is known.
    pub const fn worst_case(&self) -> Usage {
        Usage::new(self.input_tokens, self.output_tokens)
    }

    /// The same without what is borrowed from the request.
    #[inline]
    pub(crate) fn needs(&self) -> Needs {
        let least = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let few = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
        Needs {
            input_tokens: least(self.input_tokens),
            output_tokens: least(self.output_tokens),
            prompt_chars: least(self.prompt_chars),
            steps: few(self.steps),
            open_answers: few(self.open_answers.into()),
            abilities: self.needs,
        }
    }
}

// === impl Needs ===

impl Needs {
    pub(crate) fn profile(self) -> Profile<'static> {
        Profile {
            input_tokens: self.input_tokens.into(),
            output_tokens: self.output_tokens.into(),
            prompt_chars: self.prompt_chars.into(),
            needs: self.abilities,
            steps: self.steps.into(),
            open_answers: self.open_answers.into(),
            ..Profile::default()
        }
    }
}

// === impl Describe ===

impl<Request> Describe<Request> for Unknown {
    fn describe<'a>(&self, _: &'a Request) -> Profile<'a> {
        Profile::default()
    }
}

impl<Request, F> Describe<Request> for F
where
    F: Fn(&Request) -> Profile<'_>,
{
    fn describe<'a>(&self, request: &'a Request) -> Profile<'a> {
        self(request)
    }
}

impl<Request, D, F> Describe<Request> for Addressed<D, F>
where
    D: Describe<Request>,
    F: Fn(Request, &Attributes) -> Request,
{
    fn describe<'a>(&self, request: &'a Request) -> Profile<'a> {
        self.describe.describe(request)
    }

    fn address(&self, request: Request, backend: &Attributes) -> Request {
        (self.address)(self.describe.address(request, backend), backend)
    }
}
