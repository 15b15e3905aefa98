//! A configuration that is written and read again is the same.

use std::{collections::BTreeSet, time::Duration};

use mainstay::{
    BackendConfig, BudgetConfig, CapabilityConfig, ComplexityConfig, Config, ContinuationConfig,
    CostBudgetConfig, GradeConfig, HeaderSource, IdempotencyConfig, JitterConfig, KeySource, LearnedConfig,
    Preset, RetryBudgetConfig, RetryConfig, RouteConfig, ServedConfig, StrategyConfig, TierConfig,
};
use proptest::{collection::vec, option::of, prelude::*};
use serde_json::Value;

/// Every field that there is, but for those of which another one says the same.
const FULL: &str = include_str!("full.toml");

/// The names of all fields in a schema.
fn fields(schema: &Value, into: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                into.extend(properties.keys().cloned());
            }
            object.values().for_each(|part| fields(part, into));
        }
        Value::Array(parts) => parts.iter().for_each(|part| fields(part, into)),
        _ => {}
    }
}

#[test]
fn a_configuration_of_every_field_is_written_and_read_again() {
    let in_a_file = FULL
        .replace("redis_url = { file = \"/run/secrets/redis\" }\nredis_local_share = 0.25\nredis_timeout = \"1s\"\nredis_prefix = \"papers:\"\nredis_ca_file = \"/etc/ssl/redis.pem\"\n", "")
        .replace("capacity = 1000", "capacity = 1000\npath = \"keys.redb\"");
    let mut expected = BTreeSet::new();
    fields(&Config::schema(), &mut expected);
    for field in expected {
        let written = [format!("{field} = "), format!("[{field}]"), format!("[{field}.")];
        assert!(written.iter().any(|it| FULL.contains(it) || in_a_file.contains(it)), "{field}");
    }
    for text in [FULL, &in_a_file] {
        let config: Config = toml::from_str(text).unwrap();
        let written = config.to_toml().unwrap();
        assert_eq!(toml::from_str::<Config>(&written).unwrap(), config, "{written}");
        // It names a server, which is refused without the feature.
        if cfg!(feature = "redis-tls") {
            assert_eq!(Config::from_toml(&written).unwrap(), config, "{written}");
        }
    }
}

#[cfg(unix)]
#[test]
fn what_toml_cannot_say_is_an_error() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    let mut config = Config::default();
    let queue = TierConfig::queue(OsStr::from_bytes(b"people\xff.jsonl"));
    config.routes.insert("chat".into(), RouteConfig::new().tier(queue));
    let error = config.to_toml().unwrap_err().to_string();
    assert!(error.starts_with("configuration cannot be written: "), "{error}");
}

fn text() -> impl Strategy<Value = String> {
    "[ -~éλ\n\t]{0,12}"
}

fn time() -> impl Strategy<Value = Duration> {
    (0..10_000_000_000_u64).prop_map(Duration::from_millis)
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), -1e9..1e9]
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![0..100_u64, any::<u64>(), Just(u64::MAX)]
}

fn key() -> impl Strategy<Value = KeySource> {
    prop_oneof![
        text().prop_map(KeySource::Env),
        text().prop_map(|path| KeySource::File(path.into())),
        text().prop_map(KeySource::Insecure),
    ]
}

fn backend() -> impl Strategy<Value = BackendConfig> {
    let header = prop_oneof![text().prop_map(HeaderSource::Plain), key().prop_map(HeaderSource::Secret)];
    let headers = prop::collection::btree_map(text(), header, 0..3);
    (text(), of(key()), headers, of(time())).prop_map(|(url, api_key, headers, connect_timeout)| {
        let mut backend = BackendConfig::new(url);
        (backend.api_key, backend.headers, backend.connect_timeout) = (api_key, headers, connect_timeout);
        backend
    })
}

fn served() -> impl Strategy<Value = ServedConfig> {
    let lacks = prop::sample::subsequence(
        vec![
            CapabilityConfig::Streaming,
            CapabilityConfig::Tools,
            CapabilityConfig::StructuredOutput,
            CapabilityConfig::Vision,
            CapabilityConfig::Audio,
            CapabilityConfig::Embeddings,
        ],
        0..=6,
    );
    let grades = [GradeConfig::Small, GradeConfig::Standard, GradeConfig::Deep];
    let named = (text(), of(text()), of(any::<u32>()), prop::sample::select(grades.to_vec()), lacks);
    let limits = (of(count()), of(count()), of(any::<u32>()), of(count()), of((number(), number())));
    (named, limits, of(count())).prop_map(|((on, model, weight, grade, lacks), limits, max_output)| {
        let mut served = ServedConfig::on(on).grade(grade).lacks(lacks);
        (served.model, served.weight, served.max_output_tokens) = (model, weight, max_output);
        (served.requests_per_minute, served.tokens_per_minute, served.in_flight, served.context_window, _) =
            limits;
        match limits.4 {
            Some((input, output)) => served.price(input, output),
            None => served,
        }
    })
}

fn strategy() -> impl Strategy<Value = StrategyConfig> {
    let settings = (number(), number(), number(), number(), number(), number(), number());
    let learned = (text(), of(number()), of(number()), of(number()), any::<bool>(), any::<bool>());
    prop_oneof![
        Just(StrategyConfig::LeastLoaded),
        Just(StrategyConfig::RoundRobin),
        Just(StrategyConfig::Weighted),
        Just(StrategyConfig::Cheapest),
        Just(StrategyConfig::InOrder),
        settings.prop_map(|settings| {
            let mut it = ComplexityConfig::default();
            (it.standard_from, it.deep_from, it.chars, it.length, it.structured_output, it.steps, it.tools) =
                settings;
            StrategyConfig::Complexity(it)
        }),
        number().prop_map(|dollars| StrategyConfig::CostBudget(CostBudgetConfig::per_call(dollars))),
        learned.prop_map(|(model, share, dollars, quality, falls_back, online)| {
            let mut it = LearnedConfig::new(model);
            (it.share, it.dollars_per_thousand, it.quality) = (share, dollars, quality);
            (it.falls_back, it.online) = (falls_back, online);
            StrategyConfig::Learned(it)
        }),
        text().prop_map(StrategyConfig::Own),
    ]
}

fn tier() -> impl Strategy<Value = TierConfig> {
    (vec(served(), 0..3), of(strategy()), of(text()), of(text()), of(text())).prop_map(
        |(models, strategy, answer, queue, own)| {
            let mut tier = TierConfig::models(models);
            (tier.strategy, tier.answer, tier.own) = (strategy, answer, own);
            tier.queue = queue.map(Into::into);
            tier
        },
    )
}

fn retry() -> impl Strategy<Value = RetryConfig> {
    let jitters =
        vec![JitterConfig::None, JitterConfig::Full, JitterConfig::Equal, JitterConfig::Proportional];
    let budget = of((number(), number(), any::<u32>()));
    (any::<u32>(), time(), number(), time(), prop::sample::select(jitters), time(), budget).prop_map(
        |(retries, base, factor, cap, jitter, max_wait, budget)| {
            let mut it = RetryConfig::default();
            (it.retries, it.base, it.factor, it.cap) = (retries, base, factor, cap);
            (it.jitter, it.max_wait) = (jitter, max_wait);
            it.budget = budget.map(|(ratio, floor, burst)| {
                let mut it = RetryBudgetConfig::default();
                (it.ratio, it.floor, it.burst) = (ratio, floor, burst);
                it
            });
            it
        },
    )
}

fn budget() -> impl Strategy<Value = BudgetConfig> {
    (number(), time(), any::<bool>()).prop_map(|(dollars, window, per_user)| {
        let budget = BudgetConfig::new(dollars, window);
        if per_user { budget.per_user() } else { budget }
    })
}

fn continuation() -> impl Strategy<Value = ContinuationConfig> {
    (any::<u32>(), any::<bool>(), of(text())).prop_map(|settings| {
        let mut it = ContinuationConfig::default();
        (it.times, it.prefill, it.words) = settings;
        it
    })
}

fn route() -> impl Strategy<Value = RouteConfig> {
    let times = (of(time()), of(time()), of(time()), of(time()), of(time()));
    let rest = (vec(text(), 0..3), of(retry()), of(continuation()), of(budget()), vec(tier(), 0..3));
    (times, rest).prop_map(|(times, rest)| {
        let mut it = RouteConfig::new();
        (it.deadline, it.attempt_timeout, it.first_token_timeout, it.between_tokens_timeout, it.max_wait) =
            times;
        (it.aliases, it.retry, it.continue_streams, it.budget, it.tiers) = rest;
        it
    })
}

fn config() -> impl Strategy<Value = Config> {
    let presets = of(prop::sample::select(vec![Preset::Interactive, Preset::Batch]));
    let keys = of((time(), 0..1_000_000_usize, of(text())));
    let times = (time(), time(), time(), time(), time());
    let rest = (of(text()), retry(), of(continuation()), of(budget()), of(key()), of(number()));
    let maps = (
        prop::collection::btree_map(text(), backend(), 0..3),
        prop::collection::btree_map(text(), route(), 0..3),
    );
    (presets, keys, times, rest, maps).prop_map(|(preset, keys, times, rest, maps)| {
        let mut it = Config::default();
        it.preset = preset;
        it.idempotency = keys.map(|(ttl, capacity, path)| {
            let mut it = IdempotencyConfig::default();
            (it.ttl, it.capacity, it.path) = (ttl, capacity, path.map(Into::into));
            it
        });
        (it.deadline, it.attempt_timeout, it.first_token_timeout, it.between_tokens_timeout, it.max_wait) =
            times;
        (it.default_route, it.retry, it.continue_streams, it.budget, it.redis_url, it.redis_local_share) =
            rest;
        (it.backends, it.routes) = maps;
        it
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_written_is_read_again(config in config()) {
        let written = config.to_toml().unwrap();
        prop_assert_eq!(&toml::from_str::<Config>(&written).unwrap(), &config);
        if config.validate().is_ok() {
            prop_assert_eq!(&Config::from_toml(&written).unwrap(), &config);
        }
    }
}
