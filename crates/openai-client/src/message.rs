use std::borrow::Cow;

use serde_json::Value;

use crate::{
    Content, Extra, ToolCall,
    object::{Nulls, object, strings},
};

object! {
    /// One message of a conversation, in a request or in an answer.
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_openai_client::{Message, Role};
    ///
    /// let message = Message::user("Who holds the copyright?");
    /// assert_eq!(message.role, Role::User);
    /// assert_eq!(message.text(), "Who holds the copyright?");
    /// ```
    pub struct Message {
        required {
            /// Who speaks.
            role: Role,
        }
        optional {
            /// What is said; missing where a model only calls tools.
            content: Content,
            /// The speaker's name, where several share a role.
            name: String,
            /// Why the model declined to answer, if it did.
            refusal: String,
            /// The tools that the model wants called.
            tool_calls: Vec<ToolCall>,
            /// The call that a message of role `tool` answers.
            tool_call_id: String,
            /// What an answer refers to, such as pages of the web.
            annotations: Vec<Value>,
        }
    }
}

strings! {
    /// Who speaks in a message.
    pub enum Role {
        /// Instructions, for older models.
        System = "system",
        /// Instructions.
        Developer = "developer",
        /// The person.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// The answer of a tool.
        Tool = "tool",
    }
}

// === impl Message ===

impl Message {
    /// Creates a message of any role.
    pub fn new(role: Role, content: impl Into<Content>) -> Self {
        Self {
            role,
            content: Some(content.into()),
            name: None,
            refusal: None,
            tool_calls: None,
            tool_call_id: None,
            annotations: None,
            extra: Extra::new(),
            nulls: Nulls::default(),
        }
    }

    /// Creates a message of the system: instructions.
    pub fn system(content: impl Into<Content>) -> Self {
        Self::new(Role::System, content)
    }

    /// Creates a message of the developer: instructions, for newer models.
    pub fn developer(content: impl Into<Content>) -> Self {
        Self::new(Role::Developer, content)
    }

    /// Creates a message of the user.
    pub fn user(content: impl Into<Content>) -> Self {
        Self::new(Role::User, content)
    }

    /// Creates a message of the model.
    pub fn assistant(content: impl Into<Content>) -> Self {
        Self::new(Role::Assistant, content)
    }

    /// Creates the answer of a tool to the call of the given id.
    pub fn tool_result(call_id: impl Into<String>, content: impl Into<Content>) -> Self {
        Self { tool_call_id: Some(call_id.into()), ..Self::new(Role::Tool, content) }
    }

    /// Returns the text, empty if there is none.
    pub fn text(&self) -> Cow<'_, str> {
        self.content.as_ref().map(Content::text).unwrap_or_default()
    }
}
