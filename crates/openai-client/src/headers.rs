use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE},
};

/// The headers of requests, with room for those that differ: a map that was cloned has none, and would grow for each.
#[derive(Clone)]
pub(crate) struct Headers {
    bare: HeaderMap,
    with_body: HeaderMap,
    with_key: HeaderMap,
    key: HeaderName,
}

// === impl Headers ===

impl Headers {
    /// From what all requests have, and the name of the header that carries an idempotency key.
    pub(crate) fn new(mut bare: HeaderMap, key: HeaderName) -> Self {
        bare.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        let mut with_body = bare.clone();
        with_body.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        with_body.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        let mut with_key = with_body.clone();
        with_key.insert(key.clone(), HeaderValue::from_static(""));
        Self { bare, with_body, with_key, key }
    }

    /// Those of a request without a body.
    pub(crate) fn bare(&self) -> HeaderMap {
        self.bare.clone()
    }

    /// Those of a request with a JSON body of so many bytes, under an idempotency key if it has one.
    pub(crate) fn of_body(&self, bytes: usize, key: Option<&str>) -> HeaderMap {
        let mut headers = if key.is_some() { self.with_key.clone() } else { self.with_body.clone() };
        headers.insert(CONTENT_LENGTH, bytes.into());
        if let Some(key) = key {
            headers.insert(self.key.clone(), value_of(key));
        }
        headers
    }
}

/// A key as a header's value. What cannot stand in a header is percent-encoded, so that distinct keys stay distinct.
fn value_of(key: &str) -> HeaderValue {
    HeaderValue::from_str(key).unwrap_or_else(|_| {
        let encoded: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
        HeaderValue::from_str(&encoded).unwrap_or_else(|_| HeaderValue::from_static(""))
    })
}
