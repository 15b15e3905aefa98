use std::{future::ready, time::Duration};

use redis::{
    Client, FromRedisValue, RedisResult, ScriptInvocation,
    aio::{ConnectionManager, ConnectionManagerConfig},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use tokio::sync::OnceCell;

/// A connection that is made when it is first needed, and anew by itself.
pub(crate) enum Link {
    Single(Client, OnceCell<ConnectionManager>),
    Cluster(Box<ClusterClient>, OnceCell<ClusterConnection>),
}

// === impl Link ===

impl Link {
    pub(crate) fn single(url: &str) -> RedisResult<Self> {
        Ok(Self::Single(Client::open(url)?, OnceCell::new()))
    }

    pub(crate) fn cluster<'a>(urls: impl IntoIterator<Item = &'a str>) -> RedisResult<Self> {
        let client = ClusterClient::builder(urls).retries(2).build()?;
        Ok(Self::Cluster(Box::new(client), OnceCell::new()))
    }

    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
        timeout: Duration,
    ) -> RedisResult<T> {
        match self {
            Self::Single(client, cell) => {
                let mut connection = cell.get_or_try_init(|| ready(single(client, timeout))).await?.clone();
                script.invoke_async(&mut connection).await
            }
            Self::Cluster(client, cell) => {
                let connect = || client.get_async_connection();
                let mut connection = cell.get_or_try_init(connect).await?.clone();
                script.invoke_async(&mut connection).await
            }
        }
    }
}

fn single(client: &Client, timeout: Duration) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(1)
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(timeout));
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}
