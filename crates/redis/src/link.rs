use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt, Shared};
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, ErrorKind, FromRedisValue, RedisError, RedisResult,
    ScriptInvocation, Value,
    aio::MultiplexedConnection,
    cluster::{ClusterClient, ClusterClientBuilder, ClusterConfig},
    cluster_async::ClusterConnection,
    from_redis_value,
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};
use tokio::time::timeout;

use crate::{Away, answer, tls};

/// A connection that is made when it is first needed, and anew after it was of no use.
pub(crate) struct Link {
    to: To,
    line: Mutex<Option<Line>>,
}

/// Where to.
#[derive(Clone)]
enum To {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// A connection, or the making of it: a task of its own, which goes on when those who wait for it lose patience.
type Line = Shared<BoxFuture<'static, RedisResult<Connection>>>;

/// How long a node may take to be connected: longer than most callers wait.
const CONNECT: Duration = Duration::from_secs(1);
/// How long a cluster may take: its nodes are connected, and asked for the others.
const CONNECT_ALL: Duration = Duration::from_secs(10);
/// After how long of silence a connection is probed, and how often: earlier than networks forget it.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How long what was sent may go unconfirmed by the other side.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const UNCONFIRMED: Duration = Duration::from_secs(10);

// === impl Link ===

impl Link {
    pub(crate) fn single(url: &str) -> RedisResult<Self> {
        let info = tls::read(url)?.set_tcp_settings(tcp());
        Client::open(info).map(Self::one)
    }

    /// As [`Self::single`]; trusts who is signed by one of these, as PEM.
    #[cfg(feature = "tls")]
    pub(crate) fn single_trusting(url: &str, roots: &[u8]) -> RedisResult<Self> {
        let info = tls::read_encrypted(url)?.set_tcp_settings(tcp());
        tls::trusting(info, roots).map(Self::one)
    }

    pub(crate) fn cluster<'a>(urls: impl IntoIterator<Item = &'a str>) -> RedisResult<Self> {
        Self::nodes(builder(urls, tls::read)?)
    }

    /// As [`Self::cluster`]; trusts who is signed by one of these, as PEM.
    #[cfg(feature = "tls")]
    pub(crate) fn cluster_trusting<'a>(
        urls: impl IntoIterator<Item = &'a str>,
        roots: &[u8],
    ) -> RedisResult<Self> {
        Self::nodes(builder(urls, tls::read_encrypted)?.certs(tls::roots(roots)?))
    }

    fn one(client: Client) -> Self {
        Self::new(To::Single(Box::new(client)))
    }

    fn nodes(builder: ClusterClientBuilder) -> RedisResult<Self> {
        let client = builder.retries(2).tcp_settings(tcp()).build()?;
        Ok(Self::new(To::Cluster(Box::new(client))))
    }

    const fn new(to: To) -> Self {
        Self { to, line: Mutex::new(None) }
    }

    /// Runs a script, and sees that nobody uses the connection after it was silent or broken.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
        time: Duration,
    ) -> Result<T, Away> {
        let mut line = self.line(time);
        let outcome =
            timeout(time, self.ask(&mut line, script, time)).await.unwrap_or(Err(Away::Silent(time)));
        match &outcome {
            Ok(_) | Err(Away::Refused(_)) => {}
            // Who waits no longer for a connection leaves it to the next one.
            Err(Away::Silent(_)) if line.peek().is_none() => {}
            Err(_) => self.give_up(&line),
        }
        outcome
    }

    /// Asks, and once more by a new connection where one that had been made before is broken: servers and networks close what was idle
    /// for long.
    async fn ask<T: FromRedisValue>(
        &self,
        line: &mut Line,
        script: &ScriptInvocation<'_>,
        time: Duration,
    ) -> Result<T, Away> {
        let was_made = line.peek().is_some();
        match run(line.clone(), script).await {
            Err(Away::Failed(error)) if was_made && error.is_connection_dropped() => {
                self.give_up(line);
                *line = self.line(time);
                run(line.clone(), script).await
            }
            outcome => outcome,
        }
    }

    /// The connection, or the making of it, which begins here if there is none.
    fn line(&self, time: Duration) -> Line {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        // One that failed while nobody waited for it is none.
        let made = line.take().filter(|line| !matches!(line.clone().now_or_never(), Some(Err(_))));
        line.insert(made.unwrap_or_else(|| self.to.clone().begin(time))).clone()
    }

    fn give_up(&self, used: &Line) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if line.as_ref().is_some_and(|line| line.ptr_eq(used)) {
            *line = None;
        }
    }
}

async fn run<T: FromRedisValue>(line: Line, script: &ScriptInvocation<'_>) -> Result<T, Away> {
    let mut connection = line.await.map_err(Away::Failed)?;
    let answer = connection.run(script).await.map_err(answer::judge)?;
    // The server has answered: that it is not what was awaited says nothing of it.
    from_redis_value(answer).map_err(|error| Away::Refused(error.into()))
}

fn builder<'a>(
    urls: impl IntoIterator<Item = &'a str>,
    read: fn(&str) -> RedisResult<ConnectionInfo>,
) -> RedisResult<ClusterClientBuilder> {
    let nodes = urls.into_iter().map(read).collect::<RedisResult<Vec<_>>>()?;
    Ok(ClusterClient::builder(nodes))
}

/// Sends at once, and notices when the other side is gone.
fn tcp() -> TcpSettings {
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 3);
    let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let tcp = tcp.set_user_timeout(UNCONFIRMED);
    tcp
}

// === impl To ===

impl To {
    fn begin(self, time: Duration) -> Line {
        let task = tokio::spawn(self.connect(CONNECT.max(time)));
        let ended = |_| RedisError::from((ErrorKind::Io, "the runtime ended while it connected"));
        async move { task.await.unwrap_or_else(|error| Err(ended(error))) }.boxed().shared()
    }

    async fn connect(self, time: Duration) -> RedisResult<Connection> {
        match self {
            // Who asks knows how long to wait for an answer.
            Self::Single(client) => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(time))
                    .set_response_timeout(None);
                client.get_multiplexed_async_connection_with_config(&config).await.map(Connection::Single)
            }
            Self::Cluster(client) => {
                let config = ClusterConfig::new().set_connection_timeout(time).set_response_timeout(time);
                let connects = client.get_async_connection_with_config(config);
                let connected = timeout(CONNECT_ALL.max(time), connects).await;
                connected.map_err(std::io::Error::from)?.map(Connection::Cluster)
            }
        }
    }
}

// === impl Connection ===

impl Connection {
    async fn run(&mut self, script: &ScriptInvocation<'_>) -> RedisResult<Value> {
        match self {
            Self::Single(connection) => script.invoke_async(connection).await,
            Self::Cluster(connection) => script.invoke_async(connection).await,
        }
    }
}
