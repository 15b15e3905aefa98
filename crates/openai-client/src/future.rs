use std::{
    fmt,
    future::Future,
    iter,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, response::Parts};
use pin_project_lite::pin_project;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    ChatResponse, EmbeddingResponse, Error, Extra, FinishReason, ModelList,
    body::{Collect, snippet},
    chunk::is_blank,
    send::{Origin, Sending},
};

pin_project! {
    /// The answer of an API, on its way.
    ///
    /// Resolves when the body is there, whole and read. Lazy: nothing is sent before the first poll.
    ///
    /// # Cancel safety
    ///
    /// Dropping it closes the connection; the provider may still finish, and bill, what it had begun.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<T> {
        #[pin]
        sending: Sending,
        reading: Option<(Parts, Collect)>,
        answer: PhantomData<fn() -> T>,
    }
}

/// An answer that can be read out of a body.
pub(crate) trait Answer: DeserializeOwned {
    /// Its fields that are not typed, among which it may state an error, and those of its parts.
    fn extras(&self) -> impl Iterator<Item = &Extra>;

    /// Keeps the response's headers, and refuses an answer that is none.
    fn accept(&mut self, headers: HeaderMap, origin: &Origin) -> Result<(), Error>;
}

// === impl ResponseFuture ===

impl<T> ResponseFuture<T> {
    pub(crate) const fn new(sending: Sending) -> Self {
        Self { sending, reading: None, answer: PhantomData }
    }
}

impl<T: Answer> Future for ResponseFuture<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let whole = ready!(poll_body(self.as_mut(), cx));
        let answer = whole.and_then(|(parts, body)| read(&self.sending.origin, parts, &body));
        Poll::Ready(answer.map_err(|error| self.sending.judge(error)))
    }
}

impl<T> fmt::Debug for ResponseFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// Resolves with the head of the response and its body, once that is there.
fn poll_body<T>(
    future: Pin<&mut ResponseFuture<T>>,
    cx: &mut Context<'_>,
) -> Poll<Result<(Parts, Bytes), Error>> {
    let mut this = future.project();
    loop {
        if let Some((_, collect)) = this.reading {
            let body = ready!(collect.poll_whole(&this.sending.origin, cx));
            let (parts, _) = this.reading.take().expect("it was read from just now");
            return Poll::Ready(match body {
                Ok(body) => Ok((parts, body)),
                Err(error) => Err(error.with_response(parts.status, parts.headers)),
            });
        }
        let (parts, body) = ready!(this.sending.as_mut().poll(cx))?.into_parts();
        *this.reading = Some((parts, Collect::new(body)));
    }
}

/// Reads the answer, or else why there is none.
fn read<T: Answer>(origin: &Origin, parts: Parts, body: &[u8]) -> Result<T, Error> {
    if !parts.status.is_success() {
        return Err(Error::refused(origin, parts.status, parts.headers, body));
    }
    match parse::<T>(body) {
        Ok(mut answer) => match find_error(answer.extras()) {
            Some(stated) => {
                let stated = serde_json::to_vec(stated).unwrap_or_default();
                Err(Error::refused(origin, parts.status, parts.headers, &stated))
            }
            None => answer.accept(parts.headers, origin).map(|()| answer),
        },
        Err(_) => Err(unreadable::<T>(origin, parts.status, parts.headers, body)),
    }
}

/// Parses JSON. That it is UTF-8 is seen once for the whole of it, and not for each string.
fn parse<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    match str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(body),
    }
}

/// Looks for an error that is stated beside what looks like an answer, or a chunk of one, in the fields that are not typed. A field of
/// that name which says nothing states none.
pub(crate) fn find_error<'a>(mut extras: impl Iterator<Item = &'a Extra>) -> Option<&'a Extra> {
    let states = |error: &Value| !is_blank(error) && *error != false && *error != 0;
    extras.find(|extra| extra.get("error").is_some_and(states))
}

/// Says why a body under a success status is no answer: it states an error, is no JSON, or is other JSON.
pub(crate) fn unreadable<T: DeserializeOwned>(
    origin: &Origin,
    status: StatusCode,
    headers: HeaderMap,
    body: &[u8],
) -> Error {
    let stated = Error::refused(origin, status, headers, body);
    if stated.message().is_some() || stated.code().is_some() {
        return stated;
    }
    let headers = stated.headers().clone();
    let mut json = serde_json::Deserializer::from_slice(body);
    let detail = match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Err(error) if !body.is_empty() && error.path().iter().next().is_some() => {
            format!("{}: {}; {}", error.path(), error.inner(), snippet(body))
        }
        Err(error) if !body.is_empty() => format!("{}; {}", error.inner(), snippet(body)),
        _ => snippet(body),
    };
    Error::malformed(origin, detail).with_response(status, headers)
}

// === impl Answer ===

impl Answer for ChatResponse {
    /// Some servers state in one of the answers why it broke off.
    fn extras(&self) -> impl Iterator<Item = &Extra> {
        iter::once(&self.extra).chain(self.choices.iter().map(|choice| &choice.extra))
    }

    /// Refuses a response without choices, and one that a policy withheld whole.
    fn accept(&mut self, headers: HeaderMap, origin: &Origin) -> Result<(), Error> {
        if self.choices.is_empty() {
            return Err(Error::malformed(origin, "choices: none").with_response(StatusCode::OK, headers));
        }
        let withheld = |choice: &crate::Choice| {
            choice.finish_reason == Some(FinishReason::ContentFilter) && choice.is_silent()
        };
        if self.choices.iter().all(withheld) {
            return Err(Error::filtered(origin).with_response(StatusCode::OK, headers));
        }
        self.headers = headers;
        Ok(())
    }
}

impl Answer for EmbeddingResponse {
    fn extras(&self) -> impl Iterator<Item = &Extra> {
        iter::once(&self.extra)
    }

    fn accept(&mut self, headers: HeaderMap, _: &Origin) -> Result<(), Error> {
        self.headers = headers;
        Ok(())
    }
}

impl Answer for ModelList {
    fn extras(&self) -> impl Iterator<Item = &Extra> {
        iter::once(&self.extra)
    }

    fn accept(&mut self, headers: HeaderMap, _: &Origin) -> Result<(), Error> {
        self.headers = headers;
        Ok(())
    }
}
