use std::fs;

use mainstay_fallback::queue::{Item, JsonlQueue, Sink};
use proptest::prelude::*;
use tempfile::tempdir;

type Queue = JsonlQueue<String>;

async fn push(queue: &Queue, text: &str) -> String {
    queue.push(Item::new("flag", text.to_owned())).await.unwrap().id
}

fn texts(queue: &Queue) -> Vec<String> {
    queue.entries().into_iter().map(|entry| entry.request).collect()
}

#[tokio::test]
async fn what_was_promised_is_there_after_a_restart() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("people.jsonl");
    let queue = Queue::open(&path).unwrap();
    let id = push(&queue, "one\nand\u{2028}a half").await;
    push(&queue, "two").await;
    drop(queue);
    let queue = Queue::open(&path).unwrap();
    assert_eq!(texts(&queue), ["one\nand\u{2028}a half", "two"]);
    assert_eq!((queue.entries()[0].id.as_str(), queue.entries()[0].flag.as_str()), (id.as_str(), "flag"));
}

#[tokio::test]
async fn what_comes_together_is_written_together() {
    let folder = tempdir().unwrap();
    let queue = Queue::open(folder.path().join("people.jsonl")).unwrap();
    let pushes = (0..200).map(|n| queue.push(Item::new("flag", n.to_string())));
    let ids: std::collections::HashSet<_> =
        futures_util::future::join_all(pushes).await.into_iter().map(|queued| queued.unwrap().id).collect();
    assert_eq!((ids.len(), queue.len()), (200, 200));
    assert_eq!(
        texts(&queue),
        (0..200).map(|n| n.to_string()).collect::<Vec<_>>(),
        "in the order in which they came"
    );
}

#[tokio::test]
async fn a_drain_forgets_what_was_seen_to_and_keeps_the_rest() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("people.jsonl");
    let queue = Queue::open(&path).unwrap();
    for text in ["one", "two", "three"] {
        push(&queue, text).await;
    }
    let drained =
        queue.drain(async |entry| if entry.request == "two" { Err("too hard".into()) } else { Ok(()) }).await;
    let drained = drained.unwrap();
    assert_eq!((drained.done, drained.left), (2, 1));
    drop(queue);
    let queue = Queue::open(&path).unwrap();
    assert_eq!(texts(&queue), ["two"]);
    queue.drain(async |_| Ok(())).await.unwrap();
    assert!(queue.is_empty());
    assert_eq!(fs::metadata(&path).unwrap().len(), 0, "all was seen to: the file is empty again");
    push(&queue, "four").await;
    drop(queue);
    assert_eq!(texts(&Queue::open(&path).unwrap()), ["four"]);
}

#[tokio::test]
async fn a_torn_last_line_is_put_aside_at_every_byte() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("people.jsonl");
    let queue = Queue::open(&path).unwrap();
    push(&queue, "one").await;
    let kept = fs::metadata(&path).unwrap().len();
    push(&queue, "zwölf").await;
    drop(queue);
    let whole = fs::read(&path).unwrap();
    for end in usize::try_from(kept).unwrap()..whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let queue = Queue::open(&path).unwrap();
        assert_eq!(texts(&queue), ["one"], "cut at {end}");
        push(&queue, "three").await;
        drop(queue);
        assert_eq!(texts(&Queue::open(&path).unwrap()), ["one", "three"]);
    }
    let aside = fs::read(folder.path().join("people.jsonl.torn")).unwrap();
    let last = &whole[usize::try_from(kept).unwrap()..whole.len() - 1];
    assert!(
        aside.windows(last.len()).any(|window| window == last),
        "what was torn is still there to be looked at"
    );
}

#[tokio::test]
async fn a_second_opening_and_a_foreign_file_are_clear_errors() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("people.jsonl");
    let queue = Queue::open(&path).unwrap();
    let error = Queue::open(&path).unwrap_err().to_string();
    assert!(error.contains("people.jsonl: another process has it open"), "{error}");
    drop(queue);
    fs::write(&path, "{\"id\": 1}\n").unwrap();
    let error = Queue::open(&path).unwrap_err().to_string();
    assert!(error.contains("line 1 is no entry of this queue"), "{error}");
    fs::write(&path, b"\xff\xfe\n").unwrap();
    let error = Queue::open(&path).unwrap_err().to_string();
    assert!(error.contains("no text"), "{error}");
    assert!(Queue::open(folder.path().join("no/such/folder")).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"\xff\xfe\n", "what is not ours is left as it was");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_file_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let folder = tempdir().unwrap();
        let path = folder.path().join("people.jsonl");
        fs::write(&path, &bytes).unwrap();
        let _ = Queue::open(&path);
    }
}

#[test]
fn outside_of_a_runtime_an_item_is_written_on_the_spot() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("people.jsonl");
    let queue = Queue::open(&path).unwrap();
    let outside = queue.push(Item::new("flag", "outside".to_owned()));
    assert_eq!(texts(&queue), ["outside"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        within(outside).await.unwrap();
        within(queue.push(Item::new("flag", "inside".to_owned()))).await.unwrap();
    });
    drop(queue);
    assert_eq!(texts(&Queue::open(&path).unwrap()), ["outside", "inside"]);
}

#[test]
fn a_runtime_that_ends_fails_its_push_and_leaves_the_queue_to_the_next() {
    let folder = tempdir().unwrap();
    let queue = Queue::open(folder.path().join("people.jsonl")).unwrap();
    let ended = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let handle = ended.handle().clone();
    drop(ended);
    let lost = {
        let _inside = handle.enter();
        queue.push(Item::new("flag", "lost".to_owned()))
    };
    let next = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    next.block_on(async {
        let error = within(lost).await.unwrap_err().to_string();
        assert!(error.contains("people.jsonl: the runtime ended before it was written"), "{error}");
        within(queue.push(Item::new("flag", "kept".to_owned()))).await.unwrap();
    });
    assert_eq!(texts(&queue), ["kept"]);
}

/// Turns a hang into a failure.
async fn within<F: Future>(push: F) -> F::Output {
    tokio::time::timeout(std::time::Duration::from_secs(30), push).await.expect("it is never told")
}
