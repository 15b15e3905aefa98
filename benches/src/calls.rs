use std::hint::black_box;

use tokio::task::JoinSet;

/// Makes calls, so many at a time: each of as many tasks makes `each` of them, one after another.
///
/// # Panics
///
/// If a call does.
pub async fn drive<F>(at_once: u32, each: u64, call: impl Fn() -> F + Clone + Send + 'static)
where
    F: Future<Output: Send> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for _ in 0..at_once {
        let call = call.clone();
        tasks.spawn(async move {
            for _ in 0..each {
                black_box(call().await);
            }
        });
    }
    tasks.join_all().await;
}
