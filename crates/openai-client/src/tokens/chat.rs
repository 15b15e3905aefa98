use super::{
    encoding::{Encoding, base_name},
    tools,
};
use crate::{ChatRequest, Content, ImagePart, Message, Part, ResponseFormat, ToolCall};

/// What each message adds to its texts.
const MESSAGE: u64 = 3;
/// What a name adds to its text.
const NAME: u64 = 1;
/// What a call of a tool adds to its texts.
const TOOL_CALL: u64 = 3;
/// The beginning of the answer, which is a part of the prompt.
const ANSWER: u64 = 3;
/// How many tiles the image has that stands for all of those whose size is not known: 1024 by 1024.
const TILES: u64 = 4;

// === impl ChatRequest ===

impl ChatRequest {
    /// Counts the tokens of the prompt: what the answer's [`Usage`](crate::Usage) will call `prompt_tokens`.
    ///
    /// Needs the feature `tokens`. The encoding is that of the request's model: see [`tokens`](crate::tokens).
    ///
    /// **Exact** for messages of text, with or without names, to the models for which OpenAI has published the
    /// layout: `gpt-3.5-turbo`, `gpt-4`, `gpt-4o`, `gpt-4o-mini`. Later models are counted alike and may differ by a
    /// token or two.
    ///
    /// **Approximate** for everything else:
    ///
    /// - Tools by the same recipe, which is published for flat objects with a description of each property, and carried
    ///   on here to schemas within schemas.
    /// - A call of a tool as its name, its arguments and 3 tokens. Ids count nothing.
    /// - The schema of a JSON answer as its text.
    /// - An image of low detail 85 tokens, any other 765: what 1024 by 1024 pixels cost with `gpt-4o`, since its size is not
    ///   known before it is fetched. With `gpt-4o-mini` 2,833 and 25,501. It is not fetched or decoded.
    /// - Other parts (audio, files) and fields that are not typed count nothing.
    ///
    /// The sources are OpenAI's [cookbook] for text and tools, and its [guide] to images.
    ///
    /// [cookbook]: https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken
    /// [guide]: https://platform.openai.com/docs/guides/images-vision#calculating-costs
    ///
    /// # Examples
    ///
    /// ```
    /// use mainstay_openai_client::ChatRequest;
    ///
    /// let request = ChatRequest::new("gpt-4o").system("You are a helpful assistant.").user("Hello!");
    /// assert_eq!(request.count_tokens(), 19);
    /// ```
    pub fn count_tokens(&self) -> u64 {
        let counter = Counter::of_model(&self.model);
        let messages: u64 = self.messages.iter().map(|message| counter.message(message)).sum();
        let tools = self.tools.as_deref().map_or(0, |tools| tools::count(counter.encoding, tools));
        let format = self.response_format.as_ref().map_or(0, |format| counter.format(format));
        messages + tools + format + ANSWER
    }
}

/// Counts the parts of one request.
struct Counter {
    encoding: Encoding,
    /// What an image costs, and each of its tiles if it is looked at closely.
    image: (u64, u64),
}

// === impl Counter ===

impl Counter {
    fn of_model(model: &str) -> Self {
        let is_mini = base_name(model).starts_with("gpt-4o-mini");
        Self { encoding: Encoding::of_model(model), image: if is_mini { (2833, 5667) } else { (85, 170) } }
    }

    fn message(&self, message: &Message) -> u64 {
        let text = |text: &String| self.encoding.count(text);
        MESSAGE
            + self.encoding.count(message.role.as_str())
            + message.content.as_ref().map_or(0, |content| self.content(content))
            + message.name.as_ref().map_or(0, |name| NAME + text(name))
            + message.refusal.as_ref().map_or(0, text)
            + message.tool_calls.iter().flatten().map(|call| self.tool_call(call)).sum::<u64>()
    }

    fn content(&self, content: &Content) -> u64 {
        match content {
            Content::Text(text) => self.encoding.count(text),
            Content::Parts(parts) => parts.iter().map(|part| self.part(part)).sum(),
        }
    }

    fn part(&self, part: &Part) -> u64 {
        match part {
            Part::Text(part) => self.encoding.count(&part.text),
            Part::Image(part) => self.image(part),
            Part::Other(_) => 0,
        }
    }

    fn image(&self, part: &ImagePart) -> u64 {
        let (base, tile) = self.image;
        if part.image_url.detail.as_deref() == Some("low") { base } else { base + TILES * tile }
    }

    fn tool_call(&self, call: &ToolCall) -> u64 {
        let function = call.function.as_ref();
        TOOL_CALL
            + function.map_or(0, |function| {
                self.encoding.count(&function.name) + self.encoding.count(&function.arguments)
            })
    }

    fn format(&self, format: &ResponseFormat) -> u64 {
        match format {
            ResponseFormat::JsonSchema(schema) => self.encoding.count(&schema.to_string()),
            ResponseFormat::Text | ResponseFormat::JsonObject | ResponseFormat::Other(_) => 0,
        }
    }
}
