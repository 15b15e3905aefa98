//! Parts of one's own, and what is done once for each key.

use std::{sync::Arc, time::Duration};

use mainstay_backoff::Rejected;
use mainstay_idempotency::Store;
use mainstay_openai_client::ChatResponse;
use mainstay_router::strategy::Strategy;

use super::Builder;
use crate::{Continuation, Served, Tier, checked::SharedCheck};

// === impl Builder ===

impl Builder {
    /// Lets streams go on where they break after their first token, by a new call. See [`Continuation`]: what the caller gets is then no longer
    /// the answer of one model.
    pub fn continue_streams(mut self, continuation: Continuation) -> Self {
        self.overlay.parts.continuation = Some(continuation);
        self
    }

    /// Looks at each whole answer, and asks another backend at once, or again after a wait, where the closure refuses it: see
    /// [`check`](crate::check). What is refused is billed all the same, and stands in the report with its tokens.
    ///
    /// Streams are not checked: their answer has been passed on by the time it is known.
    pub fn check(
        mut self,
        check: impl Fn(&ChatResponse) -> Result<(), Rejected> + Send + Sync + 'static,
    ) -> Self {
        self.overlay.parts.check = SharedCheck::new(check);
        self
    }

    /// Runs each idempotency key once: who asks with the same key ([`ChatRequest::key`](crate::ChatRequest::key)) gets the same
    /// answer for so long, also if it is still on its way. So many keys are remembered; when they are used up, new ones are refused.
    ///
    /// A stream is followed live by those who ask at the same time, and played again to later ones, unless it broke. Set answers
    /// are not remembered. See [`idempotency`](crate::idempotency).
    pub fn idempotency(mut self, ttl: Duration, capacity: usize) -> Self {
        self.overlay.idempotency = Some((ttl, capacity));
        self
    }

    /// Keeps whole answers in a store besides, such as a file that survives the process, with [`ServedCodec`](crate::ServedCodec).
    /// Keys must be remembered at all for it: by [`idempotency`](Self::idempotency), or the configuration.
    pub fn idempotency_store(mut self, store: impl Store<Served> + 'static) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Adds a tier below: what answers calls when the models have failed, and the tiers above have. See [`Tier`].
    ///
    /// Where there are routes, it is below the tiers of each of them, and must not be a model.
    pub fn tier(mut self, tier: Tier) -> Self {
        self.overlay.parts.below.push(tier);
        self
    }

    /// Brings a tier of your own, which routes name: [`TierConfig::own`](crate::TierConfig::own), in a file `{ own = "NAME" }`. Of those with one
    /// name, the last counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay::{ChatResponse, Config, Mainstay, Tier};
    ///
    /// let config = Config::from_toml(r#"
    ///     [backends.local]
    ///     base_url = "http://127.0.0.1:8080/v1"
    ///     [routes.count]
    ///     tiers = [{ models = [{ on = "local", model = "llama-3" }] }, { own = "by rules" }]
    /// "#)?;
    /// let rules = Tier::rules("by rules", |request| {
    ///     let words = request.messages.iter().map(|message| message.text().split(' ').count()).sum::<usize>();
    ///     Ok(ChatResponse::from_text("rules", words.to_string()))
    /// });
    /// let mainstay = Mainstay::builder().config(config).own_tier(rules).build()?;
    /// # Ok::<_, mainstay::BuildError>(())
    /// ```
    pub fn own_tier(mut self, tier: Tier) -> Self {
        let tiers = &mut self.overlay.parts.tiers;
        tiers.retain(|other| other.name != tier.name);
        tiers.push(tier);
        self
    }

    /// Brings a strategy of your own, which tiers name: [`StrategyConfig::Own`](crate::StrategyConfig::Own), in a file
    /// `strategy = { own = "NAME" }`. It is one and the same for all tiers that name it, and for chats, streams and embeddings. Budgets are kept
    /// around it.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay::{
    ///     Mainstay, RouteConfig, ServedConfig, StrategyConfig, TierConfig,
    ///     router::{Candidate, Profile, strategy::by_fn},
    /// };
    ///
    /// let quiet = by_fn(|candidate: &Candidate<'_>, _: &Profile<'_>| f64::from(candidate.in_flight()));
    /// let both = [ServedConfig::on("here"), ServedConfig::on("there")];
    /// let mainstay = Mainstay::builder()
    ///     .backend("here", |client| client.base_url("http://127.0.0.1:8080/v1"))
    ///     .backend("there", |client| client.base_url("http://127.0.0.1:8081/v1"))
    ///     .own_strategy("quiet", quiet)
    ///     .route("chat", RouteConfig::new().tier(TierConfig::models(both).strategy(StrategyConfig::Own("quiet".into()))))
    ///     .build()?;
    /// # Ok::<_, mainstay::BuildError>(())
    /// ```
    pub fn own_strategy(mut self, name: impl Into<String>, strategy: impl Strategy + 'static) -> Self {
        self.overlay.parts.strategies.insert(name.into(), Arc::new(strategy));
        self
    }
}
