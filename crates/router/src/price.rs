use crate::Invalid;

/// What a model costs, in US dollars per million tokens.
///
/// # Examples
///
/// ```
/// use mainstay_router::{Price, Usage};
///
/// let mini = Price::per_million(0.15, 0.60)?;
/// let cost = mini.cost(Usage::new(1_000_000, 500_000));
/// assert!((cost - 0.45).abs() < 1e-9);
/// # Ok::<_, mainstay_router::Invalid>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    input: f64,
    output: f64,
}

/// The tokens of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The tokens of the prompt.
    pub input_tokens: u64,
    /// The tokens of the answer.
    pub output_tokens: u64,
}

const MILLION: f64 = 1e6;

// === impl Price ===

impl Price {
    /// Creates a price from dollars per million tokens of input and of output.
    ///
    /// # Errors
    ///
    /// One of them is negative, infinite or not a number.
    pub fn per_million(input: f64, output: f64) -> Result<Self, Invalid> {
        let real = |price: f64| price.is_finite() && price >= 0.0;
        let expected = "a number of dollars, not negative";
        let input = Invalid::unless(real(input), "input price", input, expected)?;
        let output = Invalid::unless(real(output), "output price", output, expected)?;
        Ok(Self { input, output })
    }

    /// The dollars per million tokens of input.
    pub const fn input(self) -> f64 {
        self.input
    }

    /// The dollars per million tokens of output.
    pub const fn output(self) -> f64 {
        self.output
    }

    /// What a call costs, in dollars.
    pub fn cost(self, usage: Usage) -> f64 {
        (usage.input_tokens as f64 * self.input + usage.output_tokens as f64 * self.output) / MILLION
    }
}

// === impl Usage ===

impl Usage {
    /// Creates a usage.
    pub const fn new(input_tokens: u64, output_tokens: u64) -> Self {
        Self { input_tokens, output_tokens }
    }
}
