use crate::{Reservation, ServerLimits};

/// What a response says of the call's cost, and where the call ends.
///
/// A meter gets the response together with the reservation, and answers with what the caller gets. It settles the
/// reservation there and then ([`usage`]), or sends it along in the response ([`hand_over`]), as a stream does, which knows its
/// cost at its end.
pub trait Meter<Response> {
    /// What the caller gets.
    type Response;

    /// Settles the reservation, or sends it along.
    fn settle(&self, response: Response, reservation: Reservation) -> Self::Response;

    /// What the server says of its limits in this response. Nothing by default.
    fn server_limits(&self, response: &Response) -> Option<ServerLimits> {
        let _ = response;
        None
    }
}

/// Lets the estimate stand, and the call end with its response: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unmetered;

/// Settles on the usage that a response states. Made by [`usage`].
#[derive(Clone, Copy, Debug)]
pub struct ByUsage<F>(F);

/// Sends the reservation along in the response. Made by [`hand_over`].
#[derive(Clone, Copy, Debug)]
pub struct HandOver<F>(F);

/// Reads the server's limits besides. Made by [`with_server_limits`].
#[derive(Clone, Copy, Debug)]
pub struct WithServerLimits<M, F> {
    meter: M,
    read: F,
}

/// Settles on the tokens used that a response states; where it states none, the estimate stands.
///
/// # Examples
///
/// ```
/// use mainstay_bucket::{Limits, RateLimitLayer, usage};
///
/// struct Answer { text: String, total_tokens: Option<u64> }
///
/// let limits = Limits::default().tokens_per_minute(90_000)?;
/// let layer = RateLimitLayer::new(limits)
///     .weigh(|question: &String| question.len() as u64)
///     .meter(usage(|answer: &Answer| answer.total_tokens));
/// # let _ = layer;
/// # Ok::<_, mainstay_bucket::InvalidLimit>(())
/// ```
pub fn usage<F, Response>(used: F) -> ByUsage<F>
where
    F: Fn(&Response) -> Option<u64>,
{
    ByUsage(used)
}

/// Sends the reservation along in the response, which settles it at its own end.
///
/// # Examples
///
/// ```
/// use mainstay_bucket::{Limits, RateLimitLayer, Reservation, hand_over};
///
/// /// Dropped at its end, or half-way, it settles on what it has counted.
/// struct Stream { deltas: std::vec::IntoIter<String>, reservation: Reservation }
///
/// impl Iterator for Stream {
///     type Item = String;
///
///     fn next(&mut self) -> Option<String> {
///         self.reservation.count(1);
///         self.deltas.next()
///     }
/// }
///
/// let layer = RateLimitLayer::new(Limits::default().tokens_per_minute(90_000)?)
///     .meter(hand_over(|deltas: Vec<String>, reservation| Stream { deltas: deltas.into_iter(), reservation }));
/// # let _ = layer;
/// # Ok::<_, mainstay_bucket::InvalidLimit>(())
/// ```
pub fn hand_over<F, Response, Outer>(join: F) -> HandOver<F>
where
    F: Fn(Response, Reservation) -> Outer,
{
    HandOver(join)
}

/// Adds to a meter how to read what the server says of its limits in a response.
///
/// # Examples
///
/// ```
/// use http::Response;
/// use mainstay_bucket::{ServerLimits, Unmetered, with_server_limits};
///
/// let meter = with_server_limits(Unmetered, |response: &Response<String>| {
///     Some(ServerLimits::from_headers(response.headers()))
/// });
/// # let _ = meter;
/// ```
pub fn with_server_limits<M, F, Response>(meter: M, read: F) -> WithServerLimits<M, F>
where
    M: Meter<Response>,
    F: Fn(&Response) -> Option<ServerLimits>,
{
    WithServerLimits { meter, read }
}

// === impl Unmetered ===

impl<Response> Meter<Response> for Unmetered {
    type Response = Response;

    fn settle(&self, response: Response, _: Reservation) -> Response {
        response
    }
}

// === impl ByUsage ===

impl<F, Response> Meter<Response> for ByUsage<F>
where
    F: Fn(&Response) -> Option<u64>,
{
    type Response = Response;

    fn settle(&self, response: Response, reservation: Reservation) -> Response {
        if let Some(used) = (self.0)(&response) {
            reservation.settle(used);
        }
        response
    }
}

// === impl HandOver ===

impl<F, Response, Outer> Meter<Response> for HandOver<F>
where
    F: Fn(Response, Reservation) -> Outer,
{
    type Response = Outer;

    fn settle(&self, response: Response, reservation: Reservation) -> Outer {
        (self.0)(response, reservation)
    }
}

// === impl WithServerLimits ===

impl<M, F, Response> Meter<Response> for WithServerLimits<M, F>
where
    M: Meter<Response>,
    F: Fn(&Response) -> Option<ServerLimits>,
{
    type Response = M::Response;

    fn settle(&self, response: Response, reservation: Reservation) -> M::Response {
        self.meter.settle(response, reservation)
    }

    fn server_limits(&self, response: &Response) -> Option<ServerLimits> {
        (self.read)(response)
    }
}
