use std::time::Duration;

use mainstay_idempotency::{Claimed, Kept, Redis, RedisKeys, Store};
use mainstay_testkit::redis::{TestServer, cluster};

use super::{asked, claim, run};

#[tokio::test]
async fn keys_lie_in_a_cluster() {
    let Some(nodes) = cluster().await else { return };
    let urls: Vec<_> = nodes.iter().map(TestServer::url).collect();
    let redis = Redis::cluster(urls.iter().map(String::as_str)).unwrap().timeout(Duration::from_secs(10));
    let [ours, theirs] = [(); 2].map(|()| RedisKeys::on(redis.clone()));
    for n in 0..20 {
        let held = run(&ours, asked(&format!("a{n}"))).await;
        held.keep(&Kept::Answered(n)).await.unwrap();
        let found = claim(&theirs, asked(&format!("a{n}"))).await;
        assert!(matches!(found, Claimed::Ended(Kept::Answered(answer), _) if answer == n));
        drop(run(&ours, asked(&format!("b{n}"))).await);
    }
    Store::<u32>::close(&ours).await.unwrap();
    let mut keys = Vec::new();
    for node in &nodes {
        keys.push(node.ask::<u64>(&["DBSIZE"]).await);
    }
    assert!(keys.iter().sum::<u64>() == 20 && keys.iter().all(|keys| *keys > 0), "{keys:?}");
}
