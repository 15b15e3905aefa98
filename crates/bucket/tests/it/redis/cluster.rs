use std::time::Duration;

use mainstay_bucket::redis::{Redis, SharedLimits};
use mainstay_testkit::redis::{TestServer, cluster};

use super::{daily, take};

#[tokio::test]
async fn the_keys_of_one_limit_lie_in_one_slot_of_a_cluster() {
    let Some(nodes) = cluster().await else { return };
    let urls: Vec<_> = nodes.iter().map(TestServer::url).collect();
    let redis = Redis::cluster(urls.iter().map(String::as_str)).unwrap().timeout(Duration::from_secs(10));
    let mut held = Vec::new();
    for name in 0..12 {
        let settings = SharedLimits::new(format!("model {name}")).requests(2, daily()).in_flight(8).unwrap();
        let limits = settings.on(redis.clone());
        let two = [take(&limits, 0).await.unwrap(), take(&limits, 0).await.unwrap()];
        take(&limits, 0).await.unwrap_err();
        held.push((limits, two));
    }
    let mut keys = Vec::new();
    for node in &nodes {
        keys.push(node.ask::<u64>(&["DBSIZE"]).await);
    }
    assert_eq!(keys.iter().sum::<u64>(), 24);
    assert!(keys.iter().all(|keys| *keys > 0), "{keys:?}");
    // A settlement has a third key, in the same slot.
    for (limits, [one, other]) in held {
        one.cancel();
        other.cancel();
        assert!(limits.flush().await);
        drop([take(&limits, 0).await.unwrap(), take(&limits, 0).await.unwrap()]);
    }
}
