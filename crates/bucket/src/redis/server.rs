use std::time::Duration;

use redis::{
    Client, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use tokio::{sync::OnceCell, time::timeout};

use super::{
    SharedLimits,
    circuit::Circuit,
    script::{Answer, Asked, Scripts},
    settlements::Batch,
};

/// The server, or the cluster, behind its circuit.
pub(super) struct Server {
    link: Link,
    scripts: Scripts,
    circuit: Circuit,
    timeout: Duration,
}

/// Connections make themselves anew.
enum Link {
    Single(Client, ConnectionManagerConfig, OnceCell<ConnectionManager>),
    Cluster(ClusterClient, OnceCell<ClusterConnection>),
}

/// The server cannot be asked, or did not answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Away;

// === impl Server ===

impl Server {
    pub(super) fn single(url: &str, settings: &SharedLimits) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(settings.timeout))
            .set_response_timeout(Some(settings.timeout));
        Ok(Self::new(Link::Single(Client::open(url)?, config, OnceCell::new()), settings))
    }

    pub(super) fn cluster<'a>(
        urls: impl IntoIterator<Item = &'a str>,
        settings: &SharedLimits,
    ) -> RedisResult<Self> {
        let client = ClusterClient::builder(urls)
            .retries(2)
            .connection_timeout(settings.timeout)
            .response_timeout(settings.timeout)
            .build()?;
        Ok(Self::new(Link::Cluster(client, OnceCell::new()), settings))
    }

    fn new(link: Link, settings: &SharedLimits) -> Self {
        let (scripts, circuit) = (Scripts::new(settings), Circuit::new(settings.retry_every));
        Self { link, scripts, circuit, timeout: settings.timeout }
    }

    /// Tells whether nobody is to ask now.
    pub(super) fn is_away(&self) -> bool {
        self.circuit.is_open()
    }

    pub(super) async fn take(&self, asked: Asked<'_>) -> Result<Answer, Away> {
        let answer = async {
            match &self.link {
                Link::Single(client, config, cell) => {
                    self.scripts.take(asked, &mut single(client, config, cell).await?).await
                }
                Link::Cluster(client, cell) => {
                    self.scripts.take(asked, &mut cluster(client, cell).await?).await
                }
            }
        };
        self.ask(answer).await
    }

    pub(super) async fn settle(&self, batch: &Batch) -> Result<(), Away> {
        let answer = async {
            match &self.link {
                Link::Single(client, config, cell) => {
                    self.scripts.settle(batch, &mut single(client, config, cell).await?).await
                }
                Link::Cluster(client, cell) => {
                    self.scripts.settle(batch, &mut cluster(client, cell).await?).await
                }
            }
        };
        self.ask(answer).await
    }

    /// Asks, unless the circuit is open, and no longer than the timeout.
    async fn ask<T>(&self, answer: impl Future<Output = RedisResult<T>>) -> Result<T, Away> {
        if !self.circuit.admits() {
            return Err(Away);
        }
        let answer = timeout(self.timeout, answer).await;
        self.circuit.record(matches!(answer, Ok(Ok(_))));
        match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => note(&error),
            Err(_) => tracing::warn!("the server that keeps the limits did not answer in time"),
        }
        Err(Away)
    }
}

fn note(error: &RedisError) {
    tracing::warn!(error = %error, "the server that keeps the limits cannot be asked");
}

async fn single(
    client: &Client,
    config: &ConnectionManagerConfig,
    cell: &OnceCell<ConnectionManager>,
) -> RedisResult<ConnectionManager> {
    let make = || async { ConnectionManager::new_lazy_with_config(client.clone(), config.clone()) };
    cell.get_or_try_init(make).await.cloned()
}

async fn cluster(
    client: &ClusterClient,
    cell: &OnceCell<ClusterConnection>,
) -> RedisResult<ClusterConnection> {
    cell.get_or_try_init(|| client.get_async_connection()).await.cloned()
}
