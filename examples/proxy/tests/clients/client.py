"""What the official client makes of the proxy. Prints the name of each check that has passed."""

import openai

client = openai.OpenAI(max_retries=0)
messages = [{"role": "user", "content": "Tell me of the sea."}]


def ask(model, **more):
    return client.chat.completions.create(model=model, messages=messages, **more)


def fails(kind, model, **more):
    try:
        ask(model, **more)
    except kind as error:
        assert type(error) is kind, type(error)
        return error
    raise AssertionError(f"{model} did not fail")


def breaks(model):
    told = ""
    try:
        for chunk in ask(model, stream=True):
            told += chunk.choices[0].delta.content or ""
    except openai.APIError as error:
        assert error.message, error
    else:
        raise AssertionError(f"{model} did not break")
    assert told and whole.startswith(told), told


assert [model.id for model in client.models.list()] == ["broken", "cut", "good", "limited", "overlong", "quota"]
assert client.models.retrieve("good").id == "good"
print("models")

answer = ask("good", extra_headers={"Idempotency-Key": "from-client"}, extra_body={"vendor_knob": 1})
whole = answer.choices[0].message.content
assert whole and answer.object == "chat.completion" and answer.usage.total_tokens > 0
print("chat")

chunks = list(ask("good", stream=True, stream_options={"include_usage": True}))
assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == whole
assert chunks[-1].usage.total_tokens == answer.usage.total_tokens
print("stream")

plain = client.embeddings.create(model="good", input=["a licence", "a copyright"], encoding_format="float", dimensions=5)
packed = client.embeddings.create(model="good", input=["a licence", "a copyright"], dimensions=5)
assert [len(embedding.embedding) for embedding in packed.data] == [5, 5] and packed.usage.total_tokens > 0, packed
for ours, theirs in zip(packed.data, plain.data, strict=True):
    assert all(abs(one - other) < 1e-6 for one, other in zip(ours.embedding, theirs.embedding, strict=True)), packed
raw = client.embeddings.create(model="good", input="a licence", encoding_format="base64", dimensions=5)
assert isinstance(raw.data[0].embedding, str) and len(raw.data[0].embedding) == 28, raw
print("embeddings")

error = fails(openai.RateLimitError, "limited")
assert error.status_code == 429 and error.code == "rate_limit_exceeded", error
assert error.response.headers["retry-after"] == "7", error.response.headers
print("limited")

error = fails(openai.RateLimitError, "quota", stream=True)
assert error.code == "insufficient_quota", error
print("quota")

error = fails(openai.BadRequestError, "overlong")
assert error.code == "context_length_exceeded" and error.param == "messages", error
print("overlong")

error = fails(openai.NotFoundError, "missing")
assert error.code == "model_not_found" and "good" in error.message, error
print("missing")

client = openai.OpenAI(max_retries=0, api_key="sk-stranger")
error = fails(openai.AuthenticationError, "good")
assert error.code == "invalid_api_key", error
client = openai.OpenAI(max_retries=0)
print("key")

breaks("broken")
print("broken")
breaks("cut")
print("cut")
