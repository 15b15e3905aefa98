use mainstay_openai_client::{ChatRequest, Client};

use crate::server::Server;

#[tokio::test]
async fn azure_has_the_deployment_in_the_path_and_the_key_in_its_own_header() {
    let server = Server::answering("HTTP/1.1 200 OK", b"{}").await;
    let resource = server.url.trim_end_matches("/v1");
    let client =
        Client::builder().base_url(resource).azure("2024-10-21").api_key("azure-key").build().unwrap();
    let _ = client.chat(ChatRequest::new("my deployment").user("Hello?")).await;
    let _ = client.models().await;
    let requests = server.requests();
    let path = "POST /openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21 ";
    assert!(requests[0].starts_with(path), "{}", requests[0]);
    assert!(
        requests[0].contains("api-key: azure-key") && !requests[0].to_lowercase().contains("authorization")
    );
    assert!(requests[1].starts_with("GET /openai/models?api-version=2024-10-21 "), "{}", requests[1]);
}
