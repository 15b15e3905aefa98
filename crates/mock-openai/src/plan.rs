//! The plan: how the server behaves, model by model.

pub(crate) mod duration;
pub(crate) mod error;
mod mix;
mod model;
mod outage;

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;

use self::error::{Invalid, Place};
pub use self::{
    error::PlanError,
    model::{ModelPlan, Turn},
    outage::Outage,
};

/// How the server behaves: the keys it asks for, the models it knows, and what goes wrong with each.
///
/// The default plan serves every model, with any key or none, at once and without faults. All that is left to chance is
/// drawn from `seed`: the same plan fails the same requests, in whatever order they arrive.
///
/// # Examples
///
/// ```
/// use mainstay_mock_openai::{ModelPlan, Plan, StreamFault, Turn, WholeFault};
///
/// let built = Plan::new()
///     .seed(7)
///     .model("gpt-4o", ModelPlan::new().fault(WholeFault::Reset, 0.25).sequence([Turn::Ok]));
/// let written = Plan::from_toml(
///     r#"
///     seed = 7
///
///     [models."gpt-4o"]
///     faults = { reset = 0.25 }
///     sequence = ["ok"]
///     "#,
/// )?;
/// assert_eq!(built, written);
/// # Ok::<_, mainstay_mock_openai::PlanError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    pub(crate) seed: u64,
    pub(crate) keys: Vec<String>,
    pub(crate) unknown_models: UnknownModels,
    pub(crate) idempotency_header: String,
    pub(crate) dedupe: bool,
    pub(crate) max_body_bytes: usize,
    pub(crate) default: ModelPlan,
    pub(crate) models: BTreeMap<String, ModelPlan>,
}

/// What becomes of a call for a model that the plan does not list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum UnknownModels {
    /// It is served as [`Plan::default_model`] says: the default, in TOML `"serve"`.
    #[default]
    #[serde(rename = "serve")]
    Serve,
    /// It is refused with 404 `model_not_found`, in TOML `"404"`.
    #[serde(rename = "404")]
    NotFound,
}

// === impl Plan ===

impl Plan {
    /// A plan in which all goes well.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a plan written in TOML.
    ///
    /// # Errors
    ///
    /// Names the line and column, the field and its value.
    pub fn from_toml(text: &str) -> Result<Self, PlanError> {
        let plan: Self = toml::from_str(text).map_err(|source| PlanError::toml(text, source))?;
        plan.check().map_err(|invalid| PlanError::invalid(invalid, Some(text)))?;
        Ok(plan)
    }

    /// Reads a plan from a TOML file.
    ///
    /// # Errors
    ///
    /// Names the file, the line and column, the field and its value.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, PlanError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(PlanError::unreadable);
        text.and_then(|text| Self::from_toml(&text)).map_err(|error| error.in_file(path.to_owned()))
    }

    /// What all chance is drawn from; 0 unless set.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Adds an API key. With one or more, a call without one of them is refused with 401.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.keys.push(key.into());
        self
    }

    /// The behaviour of models that the plan does not list.
    #[must_use]
    pub fn default_model(self, default: ModelPlan) -> Self {
        Self { default, ..self }
    }

    /// The behaviour of one model. It takes nothing from the default.
    #[must_use]
    pub fn model(mut self, name: impl Into<String>, model: ModelPlan) -> Self {
        self.models.insert(name.into(), model);
        self
    }

    /// What becomes of a call for a model that the plan does not list.
    #[must_use]
    pub fn unknown_models(self, unknown_models: UnknownModels) -> Self {
        Self { unknown_models, ..self }
    }

    /// The header that carries a call's idempotency key; `Idempotency-Key` unless set.
    #[must_use]
    pub fn idempotency_header(self, name: impl Into<String>) -> Self {
        Self { idempotency_header: name.into(), ..self }
    }

    /// Whether the server itself honours idempotency keys. It only counts them unless set.
    ///
    /// It then answers a key that has been answered from what it knows, without another execution, limit or fault,
    /// and refuses one that is being answered with 409.
    #[must_use]
    pub fn dedupe(self, dedupe: bool) -> Self {
        Self { dedupe, ..self }
    }

    /// The largest request body, in bytes; beyond it the answer is 413. 32 MiB unless set.
    #[must_use]
    pub fn max_body_bytes(self, max_body_bytes: usize) -> Self {
        Self { max_body_bytes, ..self }
    }

    /// Checks what the types do not: probabilities, limits, windows.
    ///
    /// # Errors
    ///
    /// Names the field and its value.
    pub fn validate(&self) -> Result<(), PlanError> {
        self.check().map_err(|invalid| PlanError::invalid(invalid, None))
    }

    fn check(&self) -> Result<(), Invalid> {
        let root = Place::default();
        if http::HeaderName::try_from(&self.idempotency_header).is_err() {
            let value = format!("{:?}", self.idempotency_header);
            return Err(root.key("idempotency_header").invalid(value, "must be the name of a header"));
        }
        if self.max_body_bytes == 0 {
            return Err(root.key("max_body_bytes").invalid(0, "must be at least 1"));
        }
        if let Some(at) = self.keys.iter().position(String::is_empty) {
            return Err(root.key("keys").index(at).invalid("empty", "must not be"));
        }
        self.default.check(&root.key("default"))?;
        self.models.iter().try_for_each(|(name, model)| model.check(&root.key("models").key(name)))
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 0,
            keys: Vec::new(),
            unknown_models: UnknownModels::default(),
            idempotency_header: "Idempotency-Key".to_owned(),
            dedupe: false,
            max_body_bytes: 32 << 20,
            default: ModelPlan::default(),
            models: BTreeMap::new(),
        }
    }
}
