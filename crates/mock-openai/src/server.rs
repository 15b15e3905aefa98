//! The server: a listener, and a task for each connection.

use std::{
    future::poll_fn,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};

use crate::{
    line::Socket,
    plan::{Plan, PlanError},
    service::respond,
    state::State,
    stats::Stats,
};

/// How long [`MockOpenAi::stop`] lets answers go on that are under way.
const GRACE: Duration = Duration::from_secs(1);

/// An OpenAI-compatible server that misbehaves as planned, on a port of its own.
///
/// Dropping it stops it: the port refuses connections at once, and those that are open are closed.
///
/// # Examples
///
/// ```
/// use mainstay_mock_openai::{MockOpenAi, ModelPlan, Plan, WholeFault};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let plan = Plan::new().model("gpt-4o", ModelPlan::new().sequence([WholeFault::ServerError]));
/// let mock = MockOpenAi::builder().plan(plan).start().await?;
///
/// let chat = serde_json::json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello!"}]});
/// let url = format!("{}/chat/completions", mock.base_url());
/// let client = reqwest::Client::new();
/// assert_eq!(client.post(&url).json(&chat).send().await?.status(), 500);
/// assert_eq!(client.post(&url).json(&chat).send().await?.status(), 200);
///
/// assert_eq!(mock.stats().outcome("server_error"), 1);
/// assert_eq!(mock.stats().ok(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MockOpenAi {
    addr: SocketAddr,
    state: Arc<State>,
    door: Arc<Door>,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

/// Sets a server up. Made by [`MockOpenAi::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    plan: Plan,
    addr: SocketAddr,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The plan makes no sense.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}: {}", bind_failure(*addr, source))]
    Bind {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// The listener, which whoever stops the server can take away at once, without waiting for the task that accepts.
#[derive(Debug)]
struct Door(Mutex<Option<TcpListener>>);

// === impl MockOpenAi ===

impl MockOpenAi {
    /// A server on a free port of 127.0.0.1, which answers everything well until it is given a plan.
    pub fn builder() -> Builder {
        Builder { plan: Plan::default(), addr: (Ipv4Addr::LOCALHOST, 0).into() }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// `http://127.0.0.1:PORT/v1`: what an OpenAI client takes as its base URL.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// What the server has seen and done.
    pub fn stats(&self) -> Stats {
        self.state.ledger.stats()
    }

    /// Begins the statistics anew; sequences, limits, outages and draws go on.
    pub fn reset_stats(&self) {
        self.state.ledger.reset_stats();
    }

    /// Begins everything anew, as `POST /reset` does: statistics, sequences, limits, outages and draws.
    pub fn reset(&self) {
        self.state.reset();
    }

    /// Stops accepting at once, lets answers that are under way end, for a second at most, then closes all connections.
    /// Returns what the server has seen and done to the very end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the server as dropping the server does.
    pub async fn stop(mut self) -> Stats {
        self.door.close();
        self.stop.send_replace(true);
        // It ends by itself, whatever happens in it: there is nothing to learn from how.
        let _ = (&mut self.accepting).await;
        self.stats()
    }
}

impl Drop for MockOpenAi {
    fn drop(&mut self) {
        self.door.close();
        self.accepting.abort();
    }
}

// === impl Builder ===

impl Builder {
    /// How the server behaves.
    #[must_use]
    pub fn plan(self, plan: Plan) -> Self {
        Self { plan, ..self }
    }

    /// The port to listen on; 0, the default, takes a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.addr.set_port(port);
        self
    }

    /// The address to listen on; 127.0.0.1 and a free port unless set.
    #[must_use]
    pub fn bind(self, addr: impl Into<SocketAddr>) -> Self {
        Self { addr: addr.into(), ..self }
    }

    /// Starts the server, on the runtime that this is called in.
    ///
    /// # Errors
    ///
    /// The plan makes no sense, or the address cannot be listened on.
    pub async fn start(self) -> Result<MockOpenAi, StartError> {
        self.plan.validate()?;
        let bound = |source| StartError::Bind { addr: self.addr, source };
        let listener = TcpListener::bind(self.addr).await.map_err(bound)?;
        let addr = listener.local_addr().map_err(bound)?;
        let state = Arc::new(State::new(self.plan));
        let door = Arc::new(Door(Mutex::new(Some(listener))));
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(Arc::clone(&door), Arc::clone(&state), stopped));
        Ok(MockOpenAi { addr, state, door, stop, accepting })
    }
}

// === impl Door ===

impl Door {
    /// The next connection; `None` once the door is closed.
    async fn accept(&self) -> Option<io::Result<TcpStream>> {
        poll_fn(|cx| match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(listener) => {
                listener.poll_accept(cx).map(|accepted| Some(accepted.map(|(stream, _)| stream)))
            }
            None => Poll::Ready(None),
        })
        .await
    }

    fn close(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Accepts until told to stop; then waits for the connections, a little. Aborting it aborts them.
async fn accept(door: Arc<Door>, state: Arc<State>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let each = stopped.clone();
    loop {
        tokio::select! {
            accepted = door.accept() => match accepted {
                Some(Ok(stream)) => _ = connections.spawn(serve(stream, Arc::clone(&state), each.clone())),
                // Out of sockets, most likely: some will be closed soon.
                Some(Err(_)) => sleep(Duration::from_millis(10)).await,
                None => break,
            },
            () = told(&mut stopped) => break,
            Some(_) = connections.join_next() => {}
        }
    }
    // Those that are still open after the grace are aborted when the set is dropped.
    let _ = timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, state: Arc<State>, mut stopped: watch::Receiver<bool>) {
    let socket = Socket::new(stream, Arc::clone(&state.ledger));
    let line = socket.line();
    let service = service_fn(move |request| respond(Arc::clone(&state), request, line.clone()));
    let mut connection = pin!(http1::Builder::new().serve_connection(socket, service));
    // A connection that fails has failed as planned, or its peer is gone: both are counted where they happen.
    tokio::select! {
        _ = &mut connection => return,
        () = told(&mut stopped) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Returns when the server is told to stop, or is gone.
async fn told(stopped: &mut watch::Receiver<bool>) {
    drop(stopped.wait_for(|stopped| *stopped).await);
}

fn bind_failure(addr: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!("port {} is already in use", addr.port()),
        _ => error.to_string(),
    }
}
