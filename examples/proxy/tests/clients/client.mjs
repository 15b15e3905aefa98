// What the official client makes of the proxy. Prints the name of each check that has passed.

import assert from "node:assert/strict";
import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 });
const messages = [{ role: "user", content: "Tell me of the sea." }];
const ask = (model, more = {}, options = {}, by = client) =>
  by.chat.completions.create({ model, messages, ...more }, options);

async function fails(kind, model, more, by) {
  try {
    await ask(model, more, {}, by);
  } catch (error) {
    assert.equal(error.constructor, kind, String(error));
    return error;
  }
  assert.fail(`${model} did not fail`);
}

async function breaks(model, whole) {
  let told = "";
  await assert.rejects(async () => {
    for await (const chunk of await ask(model, { stream: true })) told += chunk.choices[0]?.delta?.content ?? "";
  }, OpenAI.APIError);
  assert.ok(told && whole.startsWith(told), told);
}

const ids = [];
for await (const model of client.models.list()) ids.push(model.id);
assert.deepEqual(ids, ["broken", "cut", "good", "limited", "overlong", "quota"]);
assert.equal((await client.models.retrieve("good")).id, "good");
console.log("models");

const answer = await ask("good", { vendor_knob: 1 }, { headers: { "Idempotency-Key": "from-client" } });
const whole = answer.choices[0].message.content;
assert.ok(whole && answer.usage.total_tokens > 0);
console.log("chat");

let [told, last] = ["", null];
for await (const chunk of await ask("good", { stream: true, stream_options: { include_usage: true } })) {
  told += chunk.choices[0]?.delta?.content ?? "";
  last = chunk;
}
assert.equal(told, whole);
assert.equal(last.usage.total_tokens, answer.usage.total_tokens);
console.log("stream");

const texts = { model: "good", input: ["a licence", "a copyright"], dimensions: 5 };
const plain = await client.embeddings.create({ ...texts, encoding_format: "float" });
const packed = await client.embeddings.create(texts);
assert.equal(packed.data.length, 2);
assert.ok(packed.usage.total_tokens > 0);
packed.data.forEach(({ embedding }, text) => {
  assert.equal(embedding.length, 5);
  embedding.forEach((number, axis) => assert.ok(Math.abs(number - plain.data[text].embedding[axis]) < 1e-6));
});
const raw = await client.embeddings.create({ ...texts, encoding_format: "base64" });
assert.equal(Buffer.from(raw.data[0].embedding, "base64").length, 20);
console.log("embeddings");

let error = await fails(OpenAI.RateLimitError, "limited");
assert.deepEqual([error.status, error.code, error.headers.get("retry-after")], [429, "rate_limit_exceeded", "7"]);
console.log("limited");

error = await fails(OpenAI.RateLimitError, "quota", { stream: true });
assert.equal(error.code, "insufficient_quota");
console.log("quota");

error = await fails(OpenAI.BadRequestError, "overlong");
assert.deepEqual([error.code, error.param], ["context_length_exceeded", "messages"]);
console.log("overlong");

error = await fails(OpenAI.NotFoundError, "missing");
assert.ok(error.code === "model_not_found" && error.message.includes("good"), error.message);
console.log("missing");

error = await fails(OpenAI.AuthenticationError, "good", {}, new OpenAI({ maxRetries: 0, apiKey: "sk-stranger" }));
assert.equal(error.code, "invalid_api_key");
console.log("key");

await breaks("broken", whole);
console.log("broken");
await breaks("cut", whole);
console.log("cut");
