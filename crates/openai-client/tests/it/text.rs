//! Long texts are escaped many bytes at a time, and come out as `serde_json` writes them.

use std::sync::LazyLock;

use mainstay_openai_client::{ChatRequest, EmbeddingRequest, Message, Part, Role};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::server::Server;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// Texts in which what is escaped stands at every place of a word, alone and next to others.
fn text() -> impl Strategy<Value = String> {
    let escaped = prop_oneof![Just('"'), Just('\\'), Just('\u{7f}'), prop::char::range('\0', '\u{1f}')];
    let char = prop_oneof![4 => prop::char::range(' ', '~'), 1 => escaped, 1 => any::<char>()];
    prop::collection::vec(char, 0..64).prop_map(|chars| chars.into_iter().collect())
}

/// The body of the only request that the server has seen.
fn body(server: &Server) -> String {
    let request = server.requests().pop().unwrap();
    request.split_once("\r\n\r\n").unwrap().1.to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_chat_is_sent_as_serde_json_writes_it(plain in text(), part in text(), url in text(), streams in any::<bool>()) {
        let parts = [Part::text(part), Part::image(url)];
        let request = ChatRequest::new("m").system(plain).message(Message::new(Role::User, parts));
        RUNTIME.block_on(async {
            let server = Server::answering("HTTP/1.1 500 X", b"").await;
            let mut written = serde_json::to_string(&request).unwrap();
            if streams {
                assert!(server.client().chat_stream(request).await.is_err());
                written = written.strip_suffix('}').unwrap().to_owned() + r#","stream":true}"#;
            } else {
                assert!(server.client().chat(request).await.is_err());
            }
            assert_eq!(body(&server), written);
        });
    }

    #[test]
    fn what_is_embedded_is_sent_as_serde_json_writes_it(one in text(), other in text(), is_one in any::<bool>()) {
        let request = if is_one { EmbeddingRequest::new("m", one) } else { EmbeddingRequest::new("m", vec![one, other]) };
        RUNTIME.block_on(async {
            let server = Server::answering("HTTP/1.1 500 X", b"").await;
            let written = serde_json::to_string(&request).unwrap();
            assert!(server.client().embed(request).await.is_err());
            assert_eq!(body(&server), written);
        });
    }
}
