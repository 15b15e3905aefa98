//! Ways that are encrypted.

use std::{error::Error, fs, time::Duration};

use mainstay_redis::{Away, Redis};
use mainstay_testkit::redis::{TlsServer, eventually};

use super::count;

/// Longer than a test waits for anything.
const LONG: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_server_whose_certificate_is_trusted_is_asked_by_an_encrypted_way() {
    let Some(server) = TlsServer::start(&[]).await else { return };
    let roots = fs::read(server.certificate()).unwrap();
    let redis = Redis::open_trusting(&server.url(), &roots).unwrap().timeout(Duration::from_secs(30));
    assert_eq!(count(&redis).await.unwrap(), 1);
    let kept: u64 = server.plain().ask(&["GET", "n"]).await;
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_an_error_that_says_so_at_once() {
    let (Some(server), Some(other)) = (TlsServer::start(&[]).await, TlsServer::start(&[]).await) else {
        return;
    };
    let others = fs::read(other.certificate()).unwrap();
    for redis in [Redis::open(&server.url()), Redis::open_trusting(&server.url(), &others)] {
        let redis = redis.unwrap().timeout(LONG);
        let error = count(&redis).await.unwrap_err();
        assert!(matches!(error, Away::Failed(_)), "{error:?}");
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains("certificate"), "{cause}");
        assert!(redis.is_away());
    }
    let kept: Option<u64> = server.plain().ask(&["GET", "n"]).await;
    assert_eq!(kept, None);
}

#[tokio::test]
async fn a_cluster_is_asked_by_encrypted_ways() {
    let arguments = ["--cluster-enabled", "yes", "--tls-cluster", "yes"];
    let Some(server) = TlsServer::start(&arguments).await else { return };
    let _: String = server.plain().ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
    let roots = fs::read(server.certificate()).unwrap();
    let redis = Redis::cluster_trusting([&*server.url()], &roots).unwrap().timeout(Duration::from_secs(30));
    let redis = redis.retry_every(Duration::from_millis(20));
    assert_eq!(eventually("the slots are served", async || count(&redis).await.ok()).await, 1);
    let stranger = Redis::cluster([&*server.url()]).unwrap().timeout(LONG);
    assert!(matches!(count(&stranger).await, Err(Away::Failed(_))));
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_not_waited_for() {
    let Some(server) = TlsServer::start(&[]).await else { return };
    let plain = format!("rediss://127.0.0.1:{}/", server.plain().port());
    // It waits for more of what it takes for a command.
    let redis = Redis::open(&plain).unwrap().timeout(Duration::from_millis(50));
    assert!(matches!(count(&redis).await, Err(Away::Silent(_))));
    assert!(redis.is_away());
}

#[test]
fn nobody_is_trusted_unseen() {
    let words = |outcome: mainstay_redis::RedisResult<Redis>| outcome.unwrap_err().to_string();
    let anybody = words(Redis::open("rediss://:secret@127.0.0.1:1/#insecure"));
    assert!(anybody.contains("#insecure") && !anybody.contains("secret@"), "{anybody}");
    words(Redis::cluster(["rediss://127.0.0.1:1/#insecure"]));
    let url = "rediss://:secret@127.0.0.1:1/";
    assert!(words(Redis::open_trusting(url, b"nothing")).contains("no certificate"));
    assert!(words(Redis::cluster_trusting([url], b"")).contains("no certificate"));
    let pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    words(Redis::open_trusting(url, pem));
    assert!(words(Redis::open_trusting("redis://127.0.0.1:1/", pem)).contains("rediss://"));
    assert!(words(Redis::cluster_trusting(["redis://127.0.0.1:1/"], pem)).contains("rediss://"));
    assert!(Redis::encrypts(url) && !Redis::encrypts("redis://127.0.0.1:1/"));
    assert!(!format!("{:?}", Redis::open(url).unwrap()).contains("secret"));
}
