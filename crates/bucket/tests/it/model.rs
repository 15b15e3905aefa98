//! The bucket beside its model, over random sequences of operations.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use mainstay_bucket::{Acquire, Rate, TokenBucket, TryAcquireError};
use proptest::prelude::*;

use crate::reference::Reference;

#[derive(Clone, Debug)]
enum Op {
    Try(u64),
    Acquire(u64),
    Drop(usize),
    Refund(u64),
    Charge(u64),
    Pause(u64),
    Advance(u64),
    SetPrice(u64),
}

fn any_op(capacity: u64) -> impl Strategy<Value = Op> {
    let small = capacity / 100 + 2;
    prop_oneof![
        6 => (0..small).prop_map(Op::Try),
        2 => (0..=capacity + 1).prop_map(Op::Try),
        4 => (1..=capacity).prop_map(Op::Acquire),
        2 => (0..8usize).prop_map(Op::Drop),
        1 => (0..capacity).prop_map(Op::Refund),
        1 => (0..capacity).prop_map(Op::Charge),
        1 => (0..500u64).prop_map(Op::Pause),
        6 => (0..capacity * 2).prop_map(Op::Advance),
    ]
}

fn any_ops(capacity: u64) -> impl Strategy<Value = Vec<Op>> {
    let some = prop::collection::vec(any_op(capacity), 1..25);
    // Few changes of the rate, so that the model's numbers stay whole.
    let change = prop::sample::select(vec![1u64, 2, 4]).prop_map(Op::SetPrice);
    prop::collection::vec((some, change), 1..4).prop_map(|parts| {
        parts.into_iter().flat_map(|(some, change)| some.into_iter().chain([change])).collect()
    })
}

/// A bucket and its model, which must agree but for `slack` tokens.
struct Pair<'a> {
    bucket: &'a TokenBucket,
    model: Reference,
    waiting: Vec<(usize, Pin<Box<Acquire<'a>>>)>,
    next: usize,
    slack: i128,
    spent: i128,
}

impl Pair<'_> {
    async fn apply(&mut self, op: &Op) {
        match *op {
            Op::Try(tokens) => self.try_acquire(tokens),
            Op::Acquire(tokens) => {
                let future = Box::pin(self.bucket.acquire(tokens));
                self.model.queue.push_back((self.next, tokens.into()));
                self.waiting.push((self.next, future));
                self.next += 1;
            }
            Op::Drop(index) if index < self.waiting.len() => {
                let (id, future) = self.waiting.remove(index);
                drop(future);
                self.model.queue.retain(|(waiting, _)| *waiting != id);
            }
            Op::Drop(_) => {}
            Op::Refund(tokens) => {
                let tokens = tokens.min(u64::try_from(self.spent.max(0)).unwrap());
                self.bucket.refund(tokens);
                self.model.refund(tokens.into());
                self.spent -= i128::from(tokens);
            }
            Op::Charge(tokens) => {
                self.bucket.charge(tokens);
                self.model.charge(tokens.into());
                self.spent += i128::from(tokens);
            }
            Op::Pause(millis) => {
                self.bucket.pause_until(tokio::time::Instant::now() + Duration::from_millis(millis));
                self.model.pause(millis);
            }
            Op::Advance(millis) => {
                tokio::time::advance(Duration::from_millis(millis)).await;
                self.model.advance(millis);
            }
            Op::SetPrice(price) => {
                self.bucket.set_rate(rate(price)).unwrap();
                self.model.set_price(price);
            }
        }
        self.serve();
        self.compare();
    }

    fn try_acquire(&mut self, tokens: u64) {
        let wanted = i128::from(tokens);
        match self.bucket.try_acquire(tokens) {
            Ok(()) if tokens == 0 => {}
            Ok(()) => {
                assert!(self.model.queue.is_empty(), "nobody passes those who wait");
                assert!(self.model.overdue(wanted, 0), "more was given than was there");
                self.take(wanted);
            }
            Err(TryAcquireError::TooLarge(error)) => {
                assert!(error.wanted > error.capacity && error.wanted == tokens);
            }
            Err(TryAcquireError::NotYet(wait)) => {
                assert!(
                    !self.model.queue.is_empty() || !self.model.overdue(wanted, self.slack),
                    "{tokens} were there, and none were given"
                );
                assert!(wait > Duration::ZERO);
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn take(&mut self, tokens: i128) {
        self.model.take(tokens);
        self.spent += tokens;
    }

    /// Polls all who wait, the last first: the order of polls must not matter.
    fn serve(&mut self) {
        let mut served = Vec::new();
        for (id, future) in self.waiting.iter_mut().rev() {
            let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if let Poll::Ready(waited) = polled {
                waited.unwrap();
                served.push(*id);
            }
        }
        self.waiting.retain(|(id, _)| !served.contains(id));
        served.sort_unstable();
        for id in served {
            let (first, tokens) = self.model.queue.pop_front().unwrap();
            assert_eq!(id, first, "first come, first served");
            assert!(self.model.overdue(tokens, 0), "more was given than was there");
            self.take(tokens);
        }
        if let Some((_, tokens)) = self.model.queue.front() {
            assert!(!self.model.overdue(*tokens, self.slack), "the first in line was not served");
        }
    }

    fn compare(&self) {
        let (model, bucket) = (self.model.available(), i128::from(self.bucket.available()));
        assert!((model - self.slack..=model).contains(&bucket), "{bucket} of {model} tokens are there");
        assert_eq!(self.bucket.waiting(), self.model.queue.len());
    }
}

fn rate(price: u64) -> Rate {
    Rate::new(1, Duration::from_millis(price)).unwrap()
}

proptest! {
    #[test]
    fn a_small_bucket_does_what_the_model_does(ops in any_ops(40)) {
        run(|| TokenBucket::compact(40, rate(1)).unwrap(), 0, &ops);
    }

    #[test]
    fn a_compact_bucket_with_a_place_never_gives_more_and_hardly_ever_less(ops in any_ops(1_024)) {
        run(|| TokenBucket::compact(1_024, rate(1)).unwrap(), 64, &ops);
    }

    #[test]
    fn a_bucket_with_places_never_gives_more_and_hardly_ever_less(ops in any_ops(4_096)) {
        run(|| TokenBucket::new(4_096, rate(1)).unwrap(), 256, &ops);
    }
}

fn run(bucket: impl Fn() -> TokenBucket, slack: u64, ops: &[Op]) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let bucket = bucket();
        let model = Reference::new(bucket.capacity(), 1);
        let (waiting, slack) = (Vec::new(), slack.into());
        let mut pair = Pair { bucket: &bucket, model, waiting, next: 0, slack, spent: 0 };
        for op in ops {
            pair.apply(op).await;
        }
        pair.model.check_windows();
    });
}
