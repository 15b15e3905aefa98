use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE},
};

/// The headers of requests. Each map has all that differs, to be replaced, and room for what the transport adds: a map that grows is
/// built anew.
#[derive(Clone)]
pub(crate) struct Headers {
    bare: HeaderMap,
    with_body: HeaderMap,
    with_key: HeaderMap,
    key: HeaderName,
}

/// How many headers are added to a map at most, here and below: its own, and the host.
const ADDED: usize = 3;

// === impl Headers ===

impl Headers {
    /// From what all requests have, and the name of the header that carries an idempotency key.
    pub(crate) fn new(mut bare: HeaderMap, key: HeaderName) -> Self {
        bare.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        let roomy = |headers: &HeaderMap| {
            let mut roomy = HeaderMap::with_capacity(headers.len() + ADDED);
            roomy.extend(headers.clone());
            roomy
        };
        let mut with_body = roomy(&bare);
        with_body.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        with_body.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        let mut with_key = roomy(&with_body);
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
        if let Some(length) = headers.get_mut(CONTENT_LENGTH) {
            *length = bytes.into();
        }
        if let (Some(key), Some(value)) = (key, headers.get_mut(&self.key)) {
            *value = value_of(key);
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
