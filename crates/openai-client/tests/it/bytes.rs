//! Whatever bytes a server sends, a call ends: with an answer, or with an error that has a fault.

use std::sync::LazyLock;

use futures_util::StreamExt;
use mainstay_fault::HasFault;
use mainstay_openai_client::ChatRequest;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::server::Server;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// Pieces of real streams and of noise, so that runs of them come near to both.
fn wire_bytes() -> impl Strategy<Value = Vec<u8>> {
    let token = r#"data: {"choices":[{"index":0,"delta":{"content":"é"}}]}"#;
    let stop = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let piece = prop_oneof![
        Just(token.as_bytes().to_vec()),
        Just(stop.as_bytes().to_vec()),
        Just(b"data: {\"error\":{\"code\":429}}".to_vec()),
        Just(b"data: [DONE]".to_vec()),
        Just(b": ping".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"data: ".to_vec()),
        Just(b"\xef\xbb\xbf".to_vec()),
        Just(b"{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"x\"}}]}".to_vec()),
        Just(b"[[[[[[[[[[[[[[[[{\"a\":".to_vec()),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    (prop::collection::vec(piece, 0..24), any::<prop::sample::Index>()).prop_map(|(pieces, cut)| {
        let mut bytes = pieces.concat();
        bytes.truncate(cut.index(bytes.len() + 1));
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_of_any_bytes_ends_once(bytes in wire_bytes()) {
        RUNTIME.block_on(async {
            let server = Server::streaming(bytes, vec![]).await;
            let Ok(mut stream) = server.client().chat_stream(ChatRequest::new("m")).await else { return };
            let mut errors = 0;
            while let Some(item) = stream.next().await {
                errors += usize::from(item.is_err());
            }
            assert!(errors <= 1, "an error is the last item");
        });
    }

    #[test]
    fn a_body_of_any_bytes_is_an_answer_or_a_fault(status in prop::sample::select(vec![200, 400, 429, 500, 529]), bytes in wire_bytes()) {
        RUNTIME.block_on(async {
            let server = Server::answering(&format!("HTTP/1.1 {status} X"), &bytes).await;
            if let Err(error) = server.client().chat(ChatRequest::new("m")).await {
                assert!(error.to_string().starts_with(&error.fault().to_string()));
            }
        });
    }
}
