use mainstay_fault::HasCall;

use crate::{ChatRequest, openai::EmbeddingRequest};

/// A request that asks a model for something: what the layers of this crate must know of it.
pub trait Asks: HasCall {
    /// What is asked for, as OpenTelemetry's GenAI conventions name it.
    const OPERATION: &'static str;

    /// The model that is named.
    fn model(&self) -> &str;

    /// Names another model.
    fn rename(&mut self, model: &str);
}

// === impl Asks ===

impl Asks for ChatRequest {
    const OPERATION: &'static str = "chat";

    fn model(&self) -> &str {
        &self.model
    }

    fn rename(&mut self, model: &str) {
        model.clone_into(&mut self.model);
    }
}

impl Asks for EmbeddingRequest {
    const OPERATION: &'static str = "embeddings";

    fn model(&self) -> &str {
        &self.model
    }

    fn rename(&mut self, model: &str) {
        model.clone_into(&mut self.model);
    }
}
