//! Who may call.

use std::{env, fs, path::Path};

use anyhow::{Context, ensure};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::{api_error::ApiError, app::App};

/// Where keys stand besides the file: with commas or line ends between them.
const VARIABLE: &str = "MAINSTAY_PROXY_KEYS";

/// The keys that callers must have one of, as digests: a look at this process's memory shows none.
pub(crate) struct Keys(Vec<Digest>);

/// Who calls: the digest of the key that let the call in. Nobody in particular where there are no keys.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Caller(Option<Digest>);

type Digest = [u8; 32];

/// Lets through who has one of the keys, or everybody where there are none, and notes who it is.
pub(crate) async fn require(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let mut caller = Caller::default();
    if let Some(keys) = &*app.keys.load() {
        let key = bearer(request.headers()).ok_or_else(|| {
            ApiError::unauthorized("no API key was given: send `Authorization: Bearer KEY`")
        })?;
        let digest = digest(key);
        if !keys.contains(&digest) {
            return Err(ApiError::unauthorized("the API key is not known here"));
        }
        caller = Caller(Some(digest));
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

// === impl Keys ===

impl Keys {
    /// Reads the keys from where they stand; none where nothing names any.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or what names keys holds none: that would open the door which was to be locked.
    pub(crate) fn read(file: Option<&Path>) -> anyhow::Result<Option<Self>> {
        let mut keys = Self(Vec::new());
        if let Some(file) = file {
            let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            keys.add(text.lines(), &file.display())?;
        }
        if let Some(text) = env::var_os(VARIABLE) {
            let text = text.into_string().ok().with_context(|| format!("{VARIABLE} is not in UTF-8"))?;
            keys.add(text.split([',', '\n']), &VARIABLE)?;
        }
        Ok((!keys.0.is_empty()).then_some(keys))
    }

    fn add<'a>(
        &mut self,
        lines: impl Iterator<Item = &'a str>,
        origin: &dyn std::fmt::Display,
    ) -> anyhow::Result<()> {
        let before = self.0.len();
        let keys = lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        self.0.extend(keys.map(digest));
        ensure!(self.0.len() > before, "{origin} holds no key");
        Ok(())
    }

    /// Takes as long for a key that is nearly right as for one that is not, and for the first as for the last.
    fn contains(&self, key: &Digest) -> bool {
        self.0.iter().fold(Choice::from(0), |found, known| found | known.ct_eq(key)).into()
    }
}

// === impl Caller ===

impl Caller {
    /// An idempotency key of this caller, as all callers together have it: nobody gets, or is refused for, what another asked
    /// under the same key. It is marked by 64 bits of the digest, which two of a million keys share in one of 37 million proxies.
    pub(crate) fn own(&self, key: &str) -> String {
        let first = self.0.as_ref().and_then(|digest| digest.first_chunk());
        match first {
            Some(first) => format!("{:016x}-{key}", u64::from_be_bytes(*first)),
            None => key.to_owned(),
        }
    }
}

fn digest(key: &str) -> Digest {
    Sha256::digest(key).into()
}
