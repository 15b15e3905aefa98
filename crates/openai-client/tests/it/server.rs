//! A server that says exactly the bytes that a test tells it to.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mainstay_openai_client::{Client, ClientBuilder};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// One piece of what the server does with a connection, in order.
#[derive(Clone)]
pub(crate) enum Act {
    /// Sends bytes.
    Say(Vec<u8>),
    /// Waits until the peer closes the connection.
    Hang,
    /// Says nothing for a time.
    Pause(Duration),
    /// Resets the connection.
    Reset,
    /// Sends the bytes for as long as the peer reads.
    Forever(Vec<u8>),
}

/// A server on a port of its own, and what it was sent.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
    pub(crate) closed: Arc<Notify>,
}

impl Server {
    /// Serves every connection with the same acts, and closes it.
    pub(crate) async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (requests, closed) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
        let (seen, gone) = (Arc::clone(&requests), Arc::clone(&closed));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acts, seen, gone) = (acts.clone(), Arc::clone(&seen), Arc::clone(&gone));
                tokio::spawn(async move {
                    serve(socket, acts, &seen).await;
                    gone.notify_one();
                });
            }
        });
        Self { url, requests, closed }
    }

    /// Answers with a status line, headers and a body.
    pub(crate) async fn answering(head: &str, body: &[u8]) -> Self {
        let mut bytes =
            format!("{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len()).into_bytes();
        bytes.extend_from_slice(body);
        Self::start(vec![Act::Say(bytes)]).await
    }

    /// Answers with a stream of the given text, then does what is left.
    pub(crate) async fn streaming(events: impl AsRef<[u8]>, mut then: Vec<Act>) -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: req_1\r\nconnection: close\r\n\r\n";
        then.insert(0, Act::Say([head.as_bytes(), events.as_ref()].concat()));
        Self::start(then).await
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder().base_url(&self.url)
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    /// The requests, head and body, as they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut socket: TcpStream, acts: Vec<Act>, seen: &Mutex<Vec<String>>) {
    let Some(request) = read_request(&mut socket).await else { return };
    seen.lock().unwrap().push(request);
    for act in acts {
        match act {
            Act::Say(bytes) => {
                let _ = socket.write_all(&bytes).await;
            }
            Act::Hang => while socket.read(&mut [0; 64]).await.is_ok_and(|read| read > 0) {},
            Act::Pause(time) => tokio::time::sleep(time).await,
            Act::Reset => socket.set_zero_linger().unwrap(),
            Act::Forever(bytes) => while socket.write_all(&bytes).await.is_ok() {},
        }
    }
}

/// Reads a request: its head, and as much body as its head says.
async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut socket = BufReader::new(socket);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        socket.read_line(&mut head).await.ok().filter(|read| *read > 0)?;
    }
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    Some(head + &String::from_utf8_lossy(&body))
}
