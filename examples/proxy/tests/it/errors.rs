use mainstay_mock_openai::{MockOpenAi, ModelPlan, RetryAfter, WholeFault};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::proxy::{Proxy, ask, ask_stream, before, client, refusal, settings};

#[tokio::test]
async fn the_backends_status_code_and_message_are_kept() {
    let faults = [
        (WholeFault::InsufficientQuota, 429, Some("insufficient_quota")),
        (WholeFault::PaymentRequired, 402, None),
        (WholeFault::Overloaded529(RetryAfter::default()), 529, None),
        (WholeFault::ServerError, 500, None),
        (WholeFault::InvalidRequest, 400, None),
        (
            WholeFault::ContextLength(mainstay_mock_openai::Dialect::Openai),
            400,
            Some("context_length_exceeded"),
        ),
    ];
    for (fault, expected, code) in faults {
        for body in [ask("m"), ask_stream("m")] {
            let (mock, proxy) = before(ModelPlan::new().fault(fault.clone(), 1.0)).await;
            let url = format!("{}/chat/completions", mock.base_url());
            let bare = client().post(url).json(&ask("m")).send().await.unwrap();
            let bare = (bare.status().as_u16(), bare.json::<Value>().await.unwrap()["error"].clone());
            let (status, error) = refusal(proxy.post(&body).send().await.unwrap()).await;
            assert_eq!((status, bare.0), (expected, expected), "{fault:?}");
            for field in ["message", "code", "type", "param"] {
                assert_eq!(error[field], bare.1[field], "{fault:?}: {field}");
            }
            if code.is_some() {
                assert_eq!(error["code"].as_str(), code);
            }
        }
    }
}

#[tokio::test]
async fn a_backend_that_is_set_aside_is_refused_in_the_apis_words() {
    for (fault, expected, code) in [
        (WholeFault::InsufficientQuota, 429, "insufficient_quota"),
        (WholeFault::Unauthorized, 401, "invalid_api_key"),
        (WholeFault::ModelNotFound, 404, "model_not_found"),
    ] {
        let (mock, proxy) = before(ModelPlan::new().fault(fault.clone(), 1.0)).await;
        for call in 0..3 {
            let response = proxy.post(&ask("m")).send().await.unwrap();
            let after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
            let (status, error) = refusal(response).await;
            assert_eq!((status, &error["code"]), (expected, &code.into()), "{fault:?}: {error}");
            let told = after.is_some_and(|seconds| (290..=300).contains(&seconds.parse::<u32>().unwrap()));
            assert_eq!(told, call > 0, "{fault:?}");
        }
        assert_eq!(mock.stats().calls, 1, "{fault:?}");
        assert_eq!(
            proxy.json("/health").await["set_aside"].as_array().unwrap().len(),
            2,
            "for chats and streams"
        );
    }
}

#[tokio::test]
async fn the_words_with_which_the_proxys_own_key_is_refused_are_not_told() {
    for (fault, expected, code) in [
        (WholeFault::Unauthorized, 401, "invalid_api_key"),
        (WholeFault::Forbidden, 403, "unsupported_country_region_territory"),
    ] {
        for body in [ask("m"), ask_stream("m")] {
            let (_mock, proxy) = before(ModelPlan::new().fault(fault.clone(), 1.0)).await;
            let (status, error) = refusal(proxy.post(&body).send().await.unwrap()).await;
            assert_eq!((status, &error["code"]), (expected, &code.into()), "{fault:?}");
            assert_eq!(error["message"], "mock/m: not authorised", "{fault:?}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_or_is_not_there_is_named_as_it_was_sent() {
    let mock = MockOpenAi::builder().start().await.unwrap();
    let proxy = Proxy::start(&settings(&mock, &["m"])).await;
    let cut = client().post(proxy.url("/v1/chat/completions")).body("{\"model\": \"m\", ");
    let (status, error) = refusal(cut.send().await.unwrap()).await;
    assert_eq!((status, &error["param"]), (400, &Value::Null));
    assert!(error["message"].as_str().unwrap().starts_with("the body is not JSON: EOF"), "{error}");
    let (status, error) = refusal(proxy.get("/v1/what").await).await;
    assert_eq!((status, error["message"].as_str()), (404, Some("there is nothing at /v1/what")));
    let (status, error) = refusal(proxy.get("/v1/chat/completions").await).await;
    assert_eq!((status, error["message"].as_str()), (405, Some("/v1/chat/completions does not take GET")));
}

#[tokio::test]
async fn retry_after_is_kept_in_whichever_form_it_came() {
    let cases = [
        (RetryAfter::raw("7"), Some(("7", "7000"))),
        (RetryAfter::raw("1.5"), Some(("2", "1500"))),
        (RetryAfter::millis("250"), Some(("1", "250"))),
        (RetryAfter::raw("abc"), None),
    ];
    for (retry_after, expected) in cases {
        let (_mock, proxy) =
            before(ModelPlan::new().fault(WholeFault::RateLimited(retry_after.clone()), 1.0)).await;
        let response = proxy.post(&ask("m")).send().await.unwrap();
        let said = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let said = said("retry-after").zip(said("retry-after-ms"));
        let expected = expected.map(|(seconds, millis)| (seconds.to_owned(), millis.to_owned()));
        assert_eq!((response.status().as_u16(), said), (429, expected), "{retry_after:?}");
        assert_eq!(refusal(response).await.1["code"], "rate_limit_exceeded");
    }
}

#[tokio::test]
async fn a_model_that_is_not_there_is_a_404_that_lists_what_there_is() {
    let mock = MockOpenAi::builder().start().await.unwrap();
    let proxy = Proxy::start(&settings(&mock, &["gpt-4o", "maker/llama-3"])).await;
    let (status, error) = refusal(proxy.post(&ask("gpt-5")).send().await.unwrap()).await;
    assert_eq!((status, &error["code"]), (404, &"model_not_found".into()));
    assert_eq!(error["message"], "the model \"gpt-5\" does not exist; there are gpt-4o, maker/llama-3");
    let models = proxy.json("/v1/models").await;
    let ids: Vec<_> =
        models["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!((ids, &models["object"]), (vec!["gpt-4o", "maker/llama-3"], &"list".into()));
    assert_eq!(proxy.json("/v1/models/maker/llama-3").await["id"], "maker/llama-3");
    assert_eq!(refusal(proxy.get("/v1/models/gpt-5").await).await.0, 404);
    assert_eq!(mock.stats().calls, 0);
}

#[tokio::test]
async fn a_backend_that_is_not_there_is_a_502_that_does_not_say_where_it_is() {
    let text = "[retry]\nretries = 0\n[backends.mock]\nbase_url = \"http://127.0.0.1:1/v1\"\n\
        [routes.m]\ntiers = [{ models = [{ on = \"mock\" }] }]\n";
    let (status, error) = refusal(Proxy::start(text).await.post(&ask("m")).send().await.unwrap()).await;
    assert_eq!((status, error["message"].as_str().unwrap()), (502, "mock/m: connection failed"));
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_a_400_that_names_the_field() {
    let (_mock, proxy) = before(ModelPlan::new()).await;
    let mut wrong = ask("m");
    wrong["messages"][0]["role"] = 7.into();
    let (status, error) = refusal(proxy.post(&wrong).send().await.unwrap()).await;
    assert_eq!((status, &error["param"]), (400, &"messages[0].role".into()));
    for body in ["", "{", "[]", "{\"model\": \"m\"}", "{\"model\":\"m\",\"messages\":[]} and more"] {
        let request = client().post(proxy.url("/v1/chat/completions")).body(body);
        assert_eq!(refusal(request.send().await.unwrap()).await.0, 400, "{body:?}");
    }
    for body in ["{nonsense", "{\"model\": \"m\", \"messages\": [{\"role\": "] {
        let request = client().post(proxy.url("/v1/chat/completions")).body(body);
        let (_, error) = refusal(request.send().await.unwrap()).await;
        assert!(error["message"].as_str().unwrap().starts_with("the body is not JSON: "), "{error}");
        assert!(error["param"].is_null(), "{error}");
    }
}

async fn with_short_bodies() -> (MockOpenAi, Proxy) {
    let mock = MockOpenAi::builder().start().await.unwrap();
    let text = settings(&mock, &["m"]);
    let proxy = Proxy::start_with(&text, |command| command.args(["--max-body", "100000"])).await;
    (mock, proxy)
}

#[tokio::test]
async fn a_body_that_is_too_long_is_a_413() {
    let (mock, proxy) = with_short_bodies().await;
    for length in [100_001, 300_000] {
        let mut body = ask("m");
        body["messages"][0]["content"] = "x".repeat(length).into();
        // A body of unknown length is measured as it comes.
        let chunked = futures_util::stream::iter([Ok::<_, std::io::Error>(body.to_string())]);
        let chunked =
            client().post(proxy.url("/v1/chat/completions")).body(reqwest::Body::wrap_stream(chunked));
        for request in [proxy.post(&body), chunked] {
            let (status, error) = refusal(request.send().await.unwrap()).await;
            assert_eq!((status, &error["code"]), (413, &"request_too_large".into()), "{length}");
        }
    }
    assert_eq!(mock.stats().calls, 0);
}

#[tokio::test]
async fn who_announces_a_body_that_is_too_long_is_told_before_sending_it() {
    let (_mock, proxy) = with_short_bodies().await;
    let address = proxy.url("").replace("http://", "");
    for length in [100_001, 20_000_000] {
        let mut connection = TcpStream::connect(&address).await.unwrap();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n"
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut told = String::new();
        BufReader::new(connection).read_line(&mut told).await.unwrap();
        assert_eq!(told.trim_end(), "HTTP/1.1 413 Payload Too Large", "{length}");
    }
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_said_in_the_same_shape() {
    let (_mock, proxy) = before(ModelPlan::new()).await;
    for path in ["/", "/v2/models", "/v1/completions"] {
        let (status, error) = refusal(proxy.get(path).await).await;
        assert_eq!((status, &error["code"]), (404, &"unknown_url".into()), "{path}");
    }
    assert_eq!(refusal(proxy.get("/v1/chat/completions").await).await.0, 405);
}
