/// The program that counts the allocations of all rows.
pub const ALLOCATIONS: &str = "allocations";

/// The program that needs `redis-server` on the path.
pub const REDIS: &str = "redis";

/// Programs that need what slows down others, and the features that have it: they are built apart, all with the same features.
pub const APART: ([&str; 2], &str) = (["outage", REDIS], "paused-clock,redis");

/// How many times each side is measured, in turn with the others. Many short rounds are fairer than few long ones: what a
/// call costs can double for seconds, with what else the machine does, and then it doubles for all sides of most rounds.
pub const ROUNDS: u32 = 15;

/// As many where it is only to be seen that all works.
pub const QUICK_ROUNDS: u32 = 4;

/// Names the environment's variable that sets how many rounds there are.
pub const ROUNDS_VARIABLE: &str = "MAINSTAY_BENCH_ROUNDS";

// Works: each is measured on several sides.
pub(crate) const RETRY: &str = "retry, success at once";
pub(crate) const RETRY_CLOSURE: &str = "retry of a closure, success at once";
pub(crate) const TRY_ONE: &str = "try_acquire(1), one thread";
pub(crate) const TRY_MANY: &str = "try_acquire(100), one thread";
pub(crate) const TRY_TWO: &str = "try_acquire(1), two threads";
pub(crate) const TRY_FOUR: &str = "try_acquire(1), four threads";
pub(crate) const ACQUIRE: &str = "acquire(1), no wait";
pub(crate) const KEYED: &str = "keyed try_acquire(1), 1,000 keys";
pub(crate) const KEYED_MILLION: &str = "keyed try_acquire(1), 1,000,000 keys";
pub(crate) const LIMIT: &str = "rate-limit layer, no wait";
pub(crate) const BY_LOAD: &str = "routed call, least loaded";
pub(crate) const BY_TURNS: &str = "routed call, round robin";
pub(crate) const BY_WEIGHT: &str = "routed call, weighted";
pub(crate) const BY_COMPLEXITY: &str = "routed call, complexity";
pub(crate) const BY_COST: &str = "routed call, cost budget";
pub(crate) const FALLBACK: &str = "tiers, first one answers";
pub(crate) const REPLAY: &str = "idempotent replay, 1,000 keys";
pub(crate) const MISS: &str = "new idempotency key";
pub(crate) const FLOCK: &str = "64 callers of one new idempotency key";
pub(crate) const STACK: &str = "all layers around a ready service";
pub(crate) const LEARNED_SHORT: &str = "learned choice, 30-character prompt";
pub(crate) const LEARNED_USUAL: &str = "learned choice, 300-character prompt";
pub(crate) const LEARNED_LONG: &str = "learned choice, 3,000-character prompt";
pub(crate) const LEARNED_CHAT: &str = "chat call through the facade, CPU";
pub(crate) const OUTAGE: &str = "outage, calls that the upstream sees";
pub(crate) const FAULT_429: &str = "429 to the next backend's request";
pub(crate) const FAULT_500: &str = "500 to the next backend's request";
pub(crate) const FAULT_QUOTA: &str = "quota fault to the next backend's request";
pub(crate) const FAULT_CLOSED: &str = "closed connection to the next backend's request";
pub(crate) const FIRST_TOKEN: &str = "streamed chat call, to the first token";
pub(crate) const NEXT_TOKEN: &str = "streamed chat call, token to token";
pub(crate) const CHAT: &str = "chat call, 1 at a time, CPU";
pub(crate) const CHATS: &str = "chat call, 64 at a time, CPU";
pub(crate) const RESERVE: &str = "reservation by Redis";
pub(crate) const CLAIM: &str = "new key by Redis, claimed and answered";

// Sides: ours first.
pub(crate) const BACKOFF: &str = "mainstay-backoff";
pub(crate) const BACKOFF_STATIC: &str = "mainstay-backoff, static";
pub(crate) const BUCKET: &str = "mainstay-bucket";
pub(crate) const BUCKET_STATIC: &str = "mainstay-bucket, static";
pub(crate) const BUCKET_LEASE: &str = "mainstay-bucket, lease of 100";
pub(crate) const COMPACT: &str = "mainstay-bucket, compact";
pub(crate) const ALL_LIMITS: &str = "mainstay-bucket, all limits";
pub(crate) const TIERS: &str = "mainstay-fallback";
pub(crate) const TIERS_THREE: &str = "mainstay-fallback, three tiers";
pub(crate) const IDEMPOTENCY: &str = "mainstay-idempotency";
pub(crate) const CLIENT: &str = "mainstay-openai-client";
pub(crate) const LEARNED: &str = "mainstay-router, learned";
pub(crate) const BY_RULE: &str = "mainstay-router, complexity";
pub(crate) const LEARNED_FACADE: &str = "mainstay, learned";
pub(crate) const LOADED_FACADE: &str = "mainstay, least loaded";
pub(crate) const CALLS_MADE: &str = "calls made";
pub(crate) const BY_HAND: &str = "two clients by hand";
pub(crate) const MAINSTAY: &str = "mainstay, whole stack";
pub(crate) const ASYNC_OPENAI: &str = "async-openai";
pub(crate) const BACKON: &str = "backon";
pub(crate) const GOVERNOR: &str = "governor";
pub(crate) const GOVERNOR_N: &str = "governor, check_n";
pub(crate) const LEAKY_BUCKET: &str = "leaky-bucket";
pub(crate) const COALESCE: &str = "tower-resilience, coalesce";
pub(crate) const MOKA: &str = "moka, get";
pub(crate) const MOKA_GET_WITH: &str = "moka, get_with";
pub(crate) const NO_FALLBACK: &str = "no tiers at all";
pub(crate) const NO_LIMIT: &str = "no limit at all";
pub(crate) const NO_RETRY: &str = "no retry at all";
pub(crate) const MAINSTAY_LAYERS: &str = "mainstay, all layers";
pub(crate) const NO_STACK: &str = "no layer at all";
pub(crate) const NO_ROUTER: &str = "no router at all";
pub(crate) const PLAIN_COUNT: &str = "INCRBY and PEXPIRE in a script";
pub(crate) const PLAIN_SET: &str = "SET NX and SET XX";
pub(crate) const TWO: &str = "2 backends";
pub(crate) const TEN: &str = "10 backends";
pub(crate) const HUNDRED: &str = "100 backends";
pub(crate) const THOUSAND: &str = "1,000 backends";
pub(crate) const TOWER: &str = "tower";
pub(crate) const TOWER_BUDGET: &str = "tower, with its budget";
pub(crate) const TOWER_RESILIENCE: &str = "tower-resilience";

/// Everything that is measured, and what it must say.
pub const ROWS: &[Row] = &[
    Row::new("retry", RETRY, BACKOFF_STATIC, TOWER).at_most(2.0).allocating(0.0),
    Row::new("retry", RETRY, BACKOFF, TOWER).allocating(0.0),
    Row::new("retry", RETRY, BACKOFF, TOWER_BUDGET).at_most(1.0),
    Row::new("retry", RETRY, BACKOFF, TOWER_RESILIENCE),
    Row::new("retry", RETRY, BACKOFF, NO_RETRY),
    Row::new("retry", RETRY_CLOSURE, BACKOFF, BACKON).at_most(1.0).allocating(0.0),
    Row::new("limiter", TRY_ONE, BUCKET, GOVERNOR_N).at_most(1.0).allocating(0.0),
    Row::new("limiter", TRY_ONE, BUCKET, GOVERNOR).at_most(1.0),
    Row::new("limiter", TRY_ONE, BUCKET, LEAKY_BUCKET),
    Row::new("limiter", TRY_ONE, COMPACT, GOVERNOR_N).allocating(0.0),
    Row::new("limiter", TRY_MANY, BUCKET, GOVERNOR_N).at_most(1.0).allocating(0.0),
    Row::new("limiter", TRY_MANY, BUCKET, LEAKY_BUCKET),
    Row::new("limiter", TRY_TWO, BUCKET, GOVERNOR_N).at_most(0.5),
    Row::new("limiter", TRY_TWO, BUCKET, LEAKY_BUCKET),
    Row::new("limiter", TRY_FOUR, BUCKET, GOVERNOR_N),
    Row::new("limiter", TRY_FOUR, BUCKET, LEAKY_BUCKET),
    Row::new("limiter", ACQUIRE, BUCKET, GOVERNOR).at_most(1.0).allocating(0.0),
    Row::new("limiter", ACQUIRE, BUCKET, LEAKY_BUCKET),
    Row::new("limiter", KEYED, BUCKET, GOVERNOR).at_most(1.0).allocating(0.0),
    Row::new("limiter", KEYED_MILLION, BUCKET, GOVERNOR).allocating(0.0),
    Row::new("limiter", LIMIT, BUCKET_STATIC, TOWER_RESILIENCE).at_most(0.25).allocating(0.0),
    Row::new("limiter", LIMIT, BUCKET, TOWER_RESILIENCE).allocating(0.0),
    Row::new("limiter", LIMIT, ALL_LIMITS, TOWER_RESILIENCE).allocating(0.0),
    Row::new("limiter", LIMIT, BUCKET, NO_LIMIT),
    Row::new("router", BY_LOAD, TWO, NO_ROUTER).allocating(0.0),
    Row::new("router", BY_LOAD, TEN, TWO).at_most(1.5).allocating(0.0),
    Row::new("router", BY_LOAD, HUNDRED, TWO).at_most(1.5).allocating(0.0),
    Row::new("router", BY_LOAD, THOUSAND, TWO).allocating(0.0),
    Row::new("router", BY_TURNS, HUNDRED, TWO).at_most(1.5).allocating(0.0),
    Row::new("router", BY_TURNS, THOUSAND, TWO).allocating(0.0),
    Row::new("router", BY_WEIGHT, HUNDRED, TWO).allocating(0.0),
    Row::new("router", BY_WEIGHT, THOUSAND, TWO).allocating(0.0),
    Row::new("router", BY_COMPLEXITY, HUNDRED, TWO).allocating(0.0),
    Row::new("router", BY_COST, HUNDRED, TWO).allocating(0.0),
    Row::new("fallback", FALLBACK, TIERS, TOWER_RESILIENCE).at_most(1.0).allocating(0.0),
    Row::new("fallback", FALLBACK, TIERS_THREE, TOWER_RESILIENCE).allocating(0.0),
    Row::new("fallback", FALLBACK, TIERS, NO_FALLBACK),
    Row::new("idempotency", REPLAY, IDEMPOTENCY, MOKA).at_most(1.0).allocating(0.0),
    Row::new("idempotency", REPLAY, IDEMPOTENCY, MOKA_GET_WITH).at_most(1.0),
    Row::new("idempotency", MISS, IDEMPOTENCY, COALESCE),
    Row::new("idempotency", FLOCK, IDEMPOTENCY, COALESCE),
    Row::new("stack", STACK, MAINSTAY_LAYERS, TOWER_RESILIENCE).at_most(1.0).allocating(2.0),
    Row::new("stack", STACK, MAINSTAY_LAYERS, NO_STACK),
    Row::new("learned", LEARNED_SHORT, LEARNED, BY_RULE).allocating(0.0),
    Row::new("learned", LEARNED_USUAL, LEARNED, BY_RULE).within(20_000.0).allocating(0.0),
    Row::new("learned", LEARNED_LONG, LEARNED, BY_RULE).allocating(0.0),
    Row::new("learned", LEARNED_CHAT, LEARNED_FACADE, LOADED_FACADE),
    Row::new("outage", OUTAGE, MAINSTAY_LAYERS, CALLS_MADE).counting().at_most(1.2),
    Row::new("outage", OUTAGE, MAINSTAY_LAYERS, TOWER_RESILIENCE).counting(),
    Row::new("failover", FAULT_429, MAINSTAY, BY_HAND).within(5e6),
    Row::new("failover", FAULT_500, MAINSTAY, BY_HAND).within(5e6),
    Row::new("failover", FAULT_QUOTA, MAINSTAY, BY_HAND).within(5e6),
    Row::new("failover", FAULT_CLOSED, MAINSTAY, BY_HAND).within(5e6),
    Row::new("chat", CHAT, MAINSTAY, ASYNC_OPENAI).at_most(1.0),
    Row::new("chat", CHAT, CLIENT, ASYNC_OPENAI).at_most(1.0),
    Row::new("chat", CHATS, MAINSTAY, ASYNC_OPENAI).at_most(1.0),
    Row::new("chat", CHATS, CLIENT, ASYNC_OPENAI).at_most(1.0),
    Row::new("chat", FIRST_TOKEN, MAINSTAY, ASYNC_OPENAI),
    Row::new("chat", NEXT_TOKEN, MAINSTAY, ASYNC_OPENAI),
    Row::new(REDIS, RESERVE, BUCKET, PLAIN_COUNT),
    Row::new(REDIS, RESERVE, BUCKET_LEASE, PLAIN_COUNT),
    Row::new(REDIS, CLAIM, IDEMPOTENCY, PLAIN_SET),
];

/// One work, ours beside a peer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// The bench program that measures it.
    pub program: &'static str,
    /// What is done.
    pub work: &'static str,
    /// Who does it: our side.
    pub ours: &'static str,
    /// Who does it: the other side.
    pub peer: &'static str,
    /// What ours must not exceed.
    pub bar: Bar,
    /// What is measured.
    pub unit: Unit,
}

/// What is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Time, in nanoseconds.
    #[default]
    Nanoseconds,
    /// Calls that the upstream sees, for each that was made.
    Calls,
}

/// What a row must not exceed. Without a bar it is there to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bar {
    /// The most of the peer's time that ours may take: 0.5 is twice the peer's throughput.
    pub ratio: Option<f64>,
    /// The most that ours may take, in nanoseconds.
    pub nanoseconds: Option<f64>,
    /// The most allocations that one unit of our work may make.
    pub allocations: Option<f64>,
}

/// The names of the bench programs, each once.
pub fn programs() -> impl Iterator<Item = &'static str> {
    ROWS.iter().enumerate().filter_map(|(at, row)| {
        let before = ROWS.iter().take(at);
        before.into_iter().all(|other| other.program != row.program).then_some(row.program)
    })
}

// === impl Row ===

impl Row {
    const fn new(program: &'static str, work: &'static str, ours: &'static str, peer: &'static str) -> Self {
        let bar = Bar { ratio: None, nanoseconds: None, allocations: None };
        Self { program, work, ours, peer, bar, unit: Unit::Nanoseconds }
    }

    const fn at_most(mut self, ratio: f64) -> Self {
        self.bar.ratio = Some(ratio);
        self
    }

    const fn within(mut self, nanoseconds: f64) -> Self {
        self.bar.nanoseconds = Some(nanoseconds);
        self
    }

    const fn counting(mut self) -> Self {
        self.unit = Unit::Calls;
        self
    }

    const fn allocating(mut self, at_most: f64) -> Self {
        self.bar.allocations = Some(at_most);
        self
    }

    /// Both sides: ours, then the peer.
    pub fn sides(&self) -> [&'static str; 2] {
        [self.ours, self.peer]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names_of_directories() {
        for row in ROWS {
            for name in [row.work, row.ours, row.peer] {
                assert!(name.len() <= 64, "criterion cuts {name:?} short");
                assert!(!name.contains(['?', '"', '/', '\\', '*', '<', '>', ':', '|', '^']), "{name:?}");
            }
        }
    }

    #[test]
    fn no_row_is_there_twice() {
        for (at, row) in ROWS.iter().enumerate() {
            let same = |other: &Row| (other.work, other.sides()) == (row.work, row.sides());
            assert!(!ROWS[..at].iter().any(same), "{row:?}");
        }
    }
}
