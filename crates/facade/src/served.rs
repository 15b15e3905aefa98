use std::{fmt, sync::Arc};

use mainstay_fallback::{Answer, Degradation};
use mainstay_idempotency::Codec;
use serde::{Deserialize, Serialize};

use crate::{ChatResponse, Error};

/// An answer and the tier that gave it, to be shared by all who asked for it under one key.
#[derive(Clone)]
pub struct Served {
    pub(crate) response: Arc<ChatResponse>,
    pub(crate) tier: Arc<str>,
    pub(crate) degraded: Degradation,
}

/// The tier that gave an answer, and how much worse that is.
pub(crate) type ServedBy = (Arc<str>, Degradation);

/// Whether an answer is worth storing: one that is always the same is no effect, and a better one may come.
pub(crate) fn is_worth_keeping(degraded: Degradation) -> bool {
    degraded != Degradation::SetAnswer
}

/// Writes an answer for a [`Store`](crate::idempotency::Store) of idempotency keys: as JSON, without the response's headers.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "redb")]
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use mainstay::{Mainstay, ServedCodec, idempotency::Redb};
///
/// let file = Redb::open("keys.redb")?.codec(ServedCodec);
/// let builder = Mainstay::builder().idempotency(Duration::from_secs(3_600), 100_000).idempotency_store(file);
/// # let _ = builder;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ServedCodec;

/// An answer as it is written.
#[derive(Serialize, Deserialize)]
struct Written<R> {
    tier: String,
    degraded: String,
    response: R,
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

// === impl Served ===

impl Served {
    pub(crate) fn of(answer: Answer<Arc<ChatResponse>, Error>) -> Self {
        let (tier, degraded) = (answer.shared_tier(), answer.degraded());
        Self { response: answer.into_inner(), tier, degraded }
    }

    pub(crate) fn is_worth_keeping(&self) -> bool {
        is_worth_keeping(self.degraded)
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served")
            .field("tier", &self.tier)
            .field("degraded", &self.degraded)
            .finish_non_exhaustive()
    }
}

// === impl ServedCodec ===

impl Codec<Served> for ServedCodec {
    fn version(&self) -> u16 {
        1
    }

    fn encode(&self, served: &Served) -> Result<Vec<u8>, Failed> {
        let Served { response, tier, degraded } = served;
        let written = Written {
            tier: (**tier).to_owned(),
            degraded: degraded.as_str().to_owned(),
            response: &**response,
        };
        Ok(serde_json::to_vec(&written)?)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Served, Failed> {
        let Written { tier, degraded, response } = serde_json::from_slice(bytes)?;
        Ok(Served { response: Arc::new(response), tier: tier.into(), degraded: degraded.parse()? })
    }
}
