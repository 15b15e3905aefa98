//! A client that hides nothing: it reads a connection to its end and says how that end came.

use std::{collections::BTreeMap, io, net::SocketAddr};

use mainstay_mock_openai::{FaultSpec, MockOpenAi, ModelPlan, Plan};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fin,
    Reset,
}

/// All that came over one connection.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) raw: Vec<u8>,
    pub(crate) end: End,
}

pub(crate) async fn start(plan: Plan) -> MockOpenAi {
    MockOpenAi::builder().plan(plan).start().await.unwrap()
}

/// A server that fails every call of every model in one way.
pub(crate) async fn failing(fault: impl Into<FaultSpec>) -> MockOpenAi {
    start(Plan::new().default_model(ModelPlan::new().fault(fault, 1.0))).await
}

pub(crate) fn prompt(text: &str) -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]})
}

pub(crate) fn with(mut request: Value, fields: &Value) -> Value {
    let fields = fields.as_object().unwrap().clone();
    request.as_object_mut().unwrap().extend(fields);
    request
}

pub(crate) fn streamed(text: &str) -> Value {
    with(prompt(text), &json!({"stream": true}))
}

pub(crate) async fn chat(mock: &MockOpenAi, request: &Value) -> Exchange {
    post(mock.addr(), "/v1/chat/completions", request).await
}

pub(crate) async fn chat_with_key(mock: &MockOpenAi, request: &Value, key: &str) -> Exchange {
    let header = format!("Idempotency-Key: {key}\r\n");
    send(mock.addr(), "POST", "/v1/chat/completions", &header, &request.to_string()).await
}

pub(crate) async fn post(addr: SocketAddr, path: &str, request: &Value) -> Exchange {
    send(addr, "POST", path, "", &request.to_string()).await
}

pub(crate) async fn get(addr: SocketAddr, path: &str) -> Exchange {
    send(addr, "GET", path, "", "").await
}

/// Sends one request and reads until the connection ends.
pub(crate) async fn send(addr: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Exchange {
    let mut stream = open(addr, method, path, headers, body).await;
    read_to_end(&mut stream).await
}

/// Sends one request and returns the connection.
pub(crate) async fn open(addr: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: mock\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    stream
}

pub(crate) async fn open_chat(mock: &MockOpenAi, request: &Value) -> TcpStream {
    open(mock.addr(), "POST", "/v1/chat/completions", "", &request.to_string()).await
}

pub(crate) async fn read_to_end(stream: &mut TcpStream) -> Exchange {
    let mut raw = Vec::new();
    let end = match stream.read_to_end(&mut raw).await {
        Ok(_) => End::Fin,
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => End::Reset,
        Err(error) => panic!("neither FIN nor RST: {error}"),
    };
    Exchange { raw, end }
}

/// Reads until what came contains `text` so many times.
pub(crate) async fn read_until(stream: &mut TcpStream, text: &str, times: usize) -> String {
    let mut raw = Vec::new();
    loop {
        let so_far = String::from_utf8_lossy(&raw);
        if so_far.matches(text).count() >= times {
            return so_far.into_owned();
        }
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the connection ended after {so_far}");
        raw.extend_from_slice(&buffer[..read]);
    }
}

/// Asserts that nothing has come, though the server has had time to answer others.
pub(crate) async fn assert_silent(mock: &MockOpenAi, stream: &TcpStream) {
    for _ in 0..10 {
        assert_eq!(get(mock.addr(), "/healthz").await.status(), 200);
    }
    let read = stream.try_read(&mut [0; 1]);
    assert_eq!(read.map_err(|error| error.kind()), Err(io::ErrorKind::WouldBlock));
}

// === impl Exchange ===

impl Exchange {
    pub(crate) fn status(&self) -> u16 {
        self.head().split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn headers(&self) -> BTreeMap<String, String> {
        let lines = self.head().lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        let pairs = lines.iter().filter_map(|line| line.split_once(": "));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers().remove(name)
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        let body = &self.raw[self.head_len()..];
        if self.header("transfer-encoding").is_some() { self.chunks().concat() } else { body.to_vec() }
    }

    /// The chunks of a chunked body, as far as they came.
    pub(crate) fn chunks(&self) -> Vec<Vec<u8>> {
        let mut rest = &self.raw[self.head_len()..];
        let mut chunks = Vec::new();
        while let Some(line) = rest.windows(2).position(|pair| pair == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
            let from = line + 2;
            if size == 0 || from + size > rest.len() {
                break;
            }
            chunks.push(rest[from..from + size].to_vec());
            rest = rest.get(from + size + 2..).unwrap_or_default();
        }
        chunks
    }

    /// Whether a chunked body was ended as it should be.
    pub(crate) fn is_whole(&self) -> bool {
        self.raw.ends_with(b"0\r\n\r\n")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body()).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn content(&self) -> String {
        self.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    }

    pub(crate) fn error_code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The data of each event.
    pub(crate) fn events(&self) -> Vec<String> {
        let text = self.text();
        let events = text.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
        events.map(str::to_owned).collect()
    }

    /// The content of each delta that has any.
    pub(crate) fn tokens(&self) -> Vec<String> {
        let events = self.events();
        let chunks = events.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
        let contents =
            chunks.filter_map(|it| it["choices"][0]["delta"]["content"].as_str().map(str::to_owned));
        contents.filter(|content| !content.is_empty()).collect()
    }

    pub(crate) fn finish_reason(&self) -> Option<String> {
        let events = self.events();
        let mut chunks = events.iter().rev().filter_map(|event| serde_json::from_str::<Value>(event).ok());
        chunks.find_map(|it| it["choices"][0]["finish_reason"].as_str().map(str::to_owned))
    }

    pub(crate) fn is_done(&self) -> bool {
        self.events().last().is_some_and(|event| event == "[DONE]")
    }

    fn head(&self) -> &str {
        std::str::from_utf8(&self.raw[..self.head_len()]).unwrap()
    }

    fn head_len(&self) -> usize {
        let end = self.raw.windows(4).position(|four| four == b"\r\n\r\n");
        end.expect("an answer has a head") + 4
    }
}
