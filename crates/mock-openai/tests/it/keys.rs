//! API keys.

use mainstay_mock_openai::Plan;

use crate::support::{Exchange, get, prompt, send, start};

async fn with_header(header: &str) -> Exchange {
    let mock = start(Plan::new().key("sk-good")).await;
    let request = prompt("x").to_string();
    send(mock.addr(), "POST", "/v1/chat/completions", header, &request).await
}

#[tokio::test]
async fn one_of_the_plans_keys_opens_the_door() {
    assert_eq!(with_header("Authorization: Bearer sk-good\r\n").await.status(), 200);
    assert_eq!(with_header("api-key: sk-good\r\n").await.status(), 200);
}

#[tokio::test]
async fn no_key_and_a_wrong_key_are_refused_in_openais_words() {
    let none = with_header("").await;
    assert_eq!((none.status(), none.error_code().as_str()), (401, "invalid_api_key"));
    let wrong = with_header("Authorization: Bearer sk-very-wrong\r\n").await;
    assert_eq!((wrong.status(), wrong.error_code().as_str()), (401, "invalid_api_key"));
    let message = wrong.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("Incorrect API key provided: sk-v****rong."), "{message}");
}

#[tokio::test]
async fn the_list_of_models_needs_a_key_and_statistics_do_not() {
    let mock = start(Plan::new().key("sk-good")).await;
    assert_eq!(get(mock.addr(), "/v1/models").await.status(), 401);
    assert_eq!(get(mock.addr(), "/stats").await.status(), 200);
}
