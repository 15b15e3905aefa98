use crate::{Ticket, Usage};

/// What a response says of the call, and where the call ends.
///
/// A meter gets the response together with the call's [`Ticket`], and answers with what the caller gets. It ends the call
/// there and then ([`usage`]), or sends the ticket along in the response ([`hand_over`]), as a stream does.
pub trait Meter<Response> {
    /// What the caller gets.
    type Response;

    /// Ends the call, or sends its ticket along.
    fn settle(&self, response: Response, ticket: Ticket) -> Self::Response;
}

/// A call ends with its response, of which nothing is known: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unmetered;

/// Reads the usage of a response. Made by [`usage`].
#[derive(Clone, Copy, Debug)]
pub struct ByUsage<F>(F);

/// Sends the ticket along in the response. Made by [`hand_over`].
#[derive(Clone, Copy, Debug)]
pub struct HandOver<F>(F);

/// Ends the call with its response, and settles budgets on the usage that it states.
///
/// # Examples
///
/// ```
/// use mainstay_router::{Usage, usage};
///
/// struct Answer { prompt_tokens: u64, completion_tokens: u64 }
///
/// let meter = usage(|answer: &Answer| Some(Usage::new(answer.prompt_tokens, answer.completion_tokens)));
/// # let _ = meter;
/// ```
pub fn usage<F, Response>(used: F) -> ByUsage<F>
where
    F: Fn(&Response) -> Option<Usage>,
{
    ByUsage(used)
}

/// Sends the ticket along in the response, which ends the call at its own end.
///
/// # Examples
///
/// ```
/// use mainstay_router::{Ticket, Usage, hand_over};
///
/// /// Whoever drops it midway has cancelled the call.
/// struct Stream { tokens: std::vec::IntoIter<String>, ticket: Option<Ticket> }
///
/// impl Iterator for Stream {
///     type Item = String;
///
///     fn next(&mut self) -> Option<String> {
///         match self.tokens.next() {
///             Some(token) => {
///                 if let Some(ticket) = &mut self.ticket {
///                     ticket.first_token();
///                     ticket.count(1);
///                 }
///                 Some(token)
///             }
///             None => {
///                 if let Some(ticket) = self.ticket.take() {
///                     ticket.finish(None);
///                 }
///                 None
///             }
///         }
///     }
/// }
///
/// let meter = hand_over(|tokens: Vec<String>, ticket| Stream { tokens: tokens.into_iter(), ticket: Some(ticket) });
/// # let _ = meter;
/// ```
pub fn hand_over<F, Response, Outer>(join: F) -> HandOver<F>
where
    F: Fn(Response, Ticket) -> Outer,
{
    HandOver(join)
}

// === impl Unmetered ===

impl<Response> Meter<Response> for Unmetered {
    type Response = Response;

    #[inline]
    fn settle(&self, response: Response, ticket: Ticket) -> Response {
        ticket.finish_here(None);
        response
    }
}

// === impl ByUsage ===

impl<F, Response> Meter<Response> for ByUsage<F>
where
    F: Fn(&Response) -> Option<Usage>,
{
    type Response = Response;

    #[inline]
    fn settle(&self, response: Response, ticket: Ticket) -> Response {
        ticket.finish_here((self.0)(&response));
        response
    }
}

// === impl HandOver ===

impl<F, Response, Outer> Meter<Response> for HandOver<F>
where
    F: Fn(Response, Ticket) -> Outer,
{
    type Response = Outer;

    fn settle(&self, response: Response, ticket: Ticket) -> Outer {
        (self.0)(response, ticket)
    }
}
