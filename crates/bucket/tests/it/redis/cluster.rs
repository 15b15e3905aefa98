use std::time::Duration;

use mainstay_bucket::redis::{Redis, SharedLimits};
use mainstay_testkit::redis::{TestServer, eventually};

use super::{daily, take};

/// Three nodes that know each other, with a third of the slots each.
async fn cluster() -> Option<Vec<TestServer>> {
    let mut nodes = Vec::new();
    for slots in [["0", "5460"], ["5461", "10922"], ["10923", "16383"]] {
        let node = TestServer::start(&["--cluster-enabled", "yes"]).await?;
        let _: String = node.ask(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]).await;
        nodes.push(node);
    }
    for (number, node) in nodes.iter().enumerate() {
        let _: String = node.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]).await;
    }
    for node in &nodes[1..] {
        let _: String = nodes[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &node.port().to_string()]).await;
    }
    for node in &nodes {
        eventually("the nodes know each other", async || {
            let info: String = node.ask(&["CLUSTER", "INFO"]).await;
            (info.contains("cluster_state:ok") && info.contains("cluster_size:3")).then_some(())
        })
        .await;
    }
    Some(nodes)
}

#[tokio::test]
async fn the_keys_of_one_limit_lie_in_one_slot_of_a_cluster() {
    let Some(nodes) = cluster().await else { return };
    let urls: Vec<_> = nodes.iter().map(TestServer::url).collect();
    let redis = Redis::cluster(urls.iter().map(String::as_str)).unwrap().timeout(Duration::from_secs(10));
    let mut held = Vec::new();
    for name in 0..12 {
        let settings = SharedLimits::new(format!("model {name}")).requests(2, daily()).in_flight(8).unwrap();
        let limits = settings.on(redis.clone());
        held.push([take(&limits, 0).await.unwrap(), take(&limits, 0).await.unwrap()]);
        take(&limits, 0).await.unwrap_err();
    }
    let mut keys = Vec::new();
    for node in &nodes {
        keys.push(node.ask::<u64>(&["DBSIZE"]).await);
    }
    assert_eq!(keys.iter().sum::<u64>(), 24);
    drop(held);
    assert!(keys.iter().all(|keys| *keys > 0), "{keys:?}");
}
