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

/// What is kept of a [`Profile`] while the call is made: two words that are written whole, as futures are moved. What is more than fits is the most that does.
#[derive(Clone, Copy)]
pub(crate) struct Needs {
    /// Of the input and of the output, half a word each.
    tokens: u64,
    /// The prompt's characters in half a word, a byte for the steps, one for the answers, and the capabilities.
    shape: u64,
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
        let half = |number: u64| number.min(u32::MAX.into());
        let byte = |number: u64| number.min(u8::MAX.into());
        let few = byte(self.steps.into()) << 24 | byte(self.open_answers.into()) << 16;
        Needs {
            tokens: half(self.input_tokens) << 32 | half(self.output_tokens),
            shape: half(self.prompt_chars) << 32 | few | u64::from(self.needs.bits()),
        }
    }
}

// === impl Needs ===

impl Needs {
    #[expect(clippy::cast_possible_truncation, reason = "parts of the words")]
    pub(crate) fn profile(self) -> Profile<'static> {
        let Self { tokens, shape } = self;
        Profile {
            input_tokens: tokens >> 32,
            output_tokens: tokens & u64::from(u32::MAX),
            prompt_chars: shape >> 32,
            needs: Capabilities::from_bits_retain(shape as u16),
            steps: (shape >> 24 & 0xff) as u32,
            open_answers: (shape >> 16 & 0xff) as u16,
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
