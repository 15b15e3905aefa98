//! What a configuration may say, and how it says no.

use mainstay::{Config, HeaderSource, KeySource, StrategyConfig};
use proptest::prelude::*;

const WHOLE: &str = r#"
deadline = "2m"
attempt_timeout = "20s"
default_route = "fast"

[retry]
retries = 5
base = "200ms"

[idempotency]
ttl = "10m"

[backends.openai]
base_url = "https://api.openai.com/v1"
api_key = { env = "OPENAI_API_KEY" }

[backends.local]
base_url = "http://127.0.0.1:8080/v1"
headers = { x-team = "papers" }

[routes.extract]
aliases = ["fast", "gpt-4o"]
attempt_timeout = "10s"
tiers = [
    { models = [
        { on = "openai", model = "gpt-4o", weight = 3, tokens_per_minute = 90_000, price = { input = 2.5, output = 10 } },
        { on = "local" },
    ], strategy = "weighted" },
    { queue = "people.jsonl" },
    { answer = '{"entities": []}' },
]
"#;

fn refused(text: &str) -> String {
    Config::from_toml(text).expect_err("it must be refused").to_string()
}

#[test]
fn a_whole_configuration_is_read_and_written_again() {
    let config = Config::from_toml(WHOLE).unwrap();
    let route = &config.routes["extract"];
    assert_eq!(route.tiers[0].strategy, Some(StrategyConfig::Weighted));
    assert_eq!(route.tiers[0].models[1].model, None);
    assert_eq!(config.backends["openai"].api_key, Some(KeySource::Env("OPENAI_API_KEY".into())));
    assert_eq!(Config::from_toml(&config.to_toml().unwrap()).unwrap(), config);
}

#[test]
fn the_default_is_a_configuration() {
    assert_eq!(Config::from_toml("").unwrap(), Config::default());
    assert_eq!(Config::from_toml(&Config::default().to_toml().unwrap()).unwrap(), Config::default());
}

#[test]
fn an_unknown_field_is_named_with_its_line_and_what_would_be_right() {
    let error = refused(&WHOLE.replace("weight = 3", "wieght = 3"));
    assert!(
        error.starts_with("configuration, line 26: `routes.extract.tiers[0].models[0]`: unknown field `wieght`, expected one of `on`, `model`"),
        "{error}"
    );
}

#[test]
fn what_is_of_another_type_is_named_with_line_and_field_and_what_would_be_right() {
    let cases = [
        (
            "deadline = \"2m\"",
            "deadline = 120",
            "line 2: `deadline`: invalid type: integer `120`, expected a duration, such as \"1m 30s\"",
        ),
        (
            "retries = 5",
            "retries = -5",
            "line 7: `retry.retries`: invalid value: integer `-5`, expected a whole number from 0 to 4,294,967,295",
        ),
        (
            "weight = 3",
            "weight = 5_000_000_000",
            "line 26: `routes.extract.tiers[0].models[0].weight`: invalid value: integer `5000000000`, expected a whole number from 0 to 4,294,967,295",
        ),
        (
            "ttl = \"10m\"",
            "capacity = \"x\"",
            "line 11: `idempotency.capacity`: invalid type: string \"x\", expected a whole number, 0 or more",
        ),
        (
            "90_000",
            "\"90k\"",
            "line 26: `routes.extract.tiers[0].models[0].tokens_per_minute`: invalid type: string \"90k\", expected a whole number",
        ),
        (", output = 10", "", "line 26: `routes.extract.tiers[0].models[0].price`: missing field `output`"),
        (
            "\"weighted\"",
            "\"wieghted\"",
            "line 28: `routes.extract.tiers[0].strategy`: unknown variant `wieghted`, expected one of",
        ),
        (
            "aliases = ",
            "continue_streams = true\naliases = ",
            "line 22: `routes.extract.continue_streams`: invalid type: boolean `true`, expected a table",
        ),
        (
            "base_url = \"http://127.0.0.1:8080/v1\"\n",
            "",
            "line 17: `backends.local`: missing field `base_url`",
        ),
    ];
    for (from, to, expected) in cases {
        let error = refused(&WHOLE.replacen(from, to, 1));
        assert!(error.contains(expected), "{error}\nlacks {expected}");
    }
    let error = refused(&format!("{WHOLE}[route.x]\n"));
    assert!(error.starts_with("configuration, line 32: unknown field `route`"), "{error}");
    let error = refused(&format!("{WHOLE}[backends.local]\n"));
    assert_eq!(error, "configuration, line 32: duplicate key `local`");
}

#[test]
fn contradictions_are_named_with_line_and_field() {
    let cases = [
        ("default_route = \"fast\"", "default_route = \"slow\"", "line 4: `default_route` is \"slow\""),
        (
            "{ on = \"local\" }",
            "{ on = \"remote\" }",
            "`routes.extract.tiers[0].models[1].on` is \"remote\", and there is no such backend; there are local, openai",
        ),
        (
            "\"fast\", \"gpt-4o\"",
            "\"fast\", \"extract\"",
            "`routes.extract.aliases[1]` is \"extract\", which leads to the route \"extract\" already",
        ),
        (
            "weight = 3",
            "weight = 3, context_window = 8_000, max_output_tokens = 16_000",
            "`routes.extract.tiers[0].models[0].max_output_tokens` is 16000, more than the whole `context_window` of 8000",
        ),
        ("weight = 3", "weight = 0", "line 26: `routes.extract.tiers[0].models[0].weight` is 0"),
        (
            "    { queue = \"people.jsonl\" },\n",
            "    { answer = \"no\" },\n",
            "line 30: `routes.extract.tiers[2]` is never asked: `routes.extract.tiers[1]` above it always answers",
        ),
        (
            "{ on = \"local\" }",
            "{ on = \"openai\", model = \"gpt-4o\" }",
            "line 27: `routes.extract.tiers[0].models[1]` is the same as `routes.extract.tiers[0].models[0]`: leave one out",
        ),
        ("\"weighted\"", "\"cheapest\"", "`routes.extract.tiers[0].models[1]` has no `price`"),
        ("input = 2.5", "input = -2.5", "`routes.extract.tiers[0].models[0].price.input` is -2.5"),
        (
            "{ queue = \"people.jsonl\" }",
            "{ queue = \"people.jsonl\", answer = \"no\" }",
            "`routes.extract.tiers[1]` must have exactly one of",
        ),
        (
            "attempt_timeout = \"10s\"",
            "attempt_timeout = \"10m\"",
            "line 23: `routes.extract.attempt_timeout` is 600s, longer than the deadline of 120s",
        ),
        (
            "base = \"200ms\"",
            "base = \"200s\"",
            "`retry.cap` is 60s, less than the first wait (`base`) of 200s",
        ),
        ("deadline = \"2m\"", "deadline = \"0s\"", "line 2: `deadline` is zero"),
        (
            "attempt_timeout = \"20s\"",
            "attempt_timeout = \"3m\"",
            "line 3: `attempt_timeout` is 180s, longer than the deadline of 120s: it must be at most that",
        ),
        (
            "attempt_timeout = \"20s\"",
            "first_token_timeout = \"3m\"",
            "line 3: `first_token_timeout` is 180s, longer than the deadline of 120s",
        ),
        (
            "attempt_timeout = \"10s\"",
            "between_tokens_timeout = \"3m\"",
            "line 23: `routes.extract.between_tokens_timeout` is 180s, longer than the deadline of 120s",
        ),
        (
            "attempt_timeout = \"20s\"",
            "max_wait = \"3m\"",
            "line 3: `max_wait` is 180s, longer than the deadline of 120s: it must be at most that",
        ),
        (
            "attempt_timeout = \"10s\"",
            "max_wait = \"3m\"",
            "line 23: `routes.extract.max_wait` is 180s, longer than the deadline of 120s",
        ),
        (
            "\"weighted\"",
            "\"in_order\"",
            "line 26: `routes.extract.tiers[0].models[0].weight` says nothing to the strategy \"in_order\": \"weighted\" heeds it",
        ),
        (
            "weight = 3",
            "grade = \"deep\"",
            "line 26: `routes.extract.tiers[0].models[0].grade` says nothing to the strategy \"weighted\"",
        ),
        (
            "weight = 3, tokens_per_minute = 90_000, price = { input = 2.5, output = 10 } },\n        { on = \"local\" },\n    ], strategy = \"weighted\"",
            "}, { on = \"local\" }], strategy = \"complexity\"",
            "`routes.extract.tiers[0].strategy` chooses by the models' `grade`, \"small\", \"standard\" or \"deep\", and all have the same",
        ),
        (
            "aliases = ",
            "continue_streams = { prefill = true, words = \"Go on.\" }\naliases = ",
            "line 22: `routes.extract.continue_streams.words` says nothing beside `prefill`",
        ),
    ];
    for (from, to, expected) in cases {
        let error = refused(&WHOLE.replacen(from, to, 1));
        assert!(error.contains(expected), "{error}\nlacks {expected}");
    }
}

#[test]
fn a_model_that_stands_twice_is_refused_also_where_its_name_is_left_out() {
    let error = refused(&WHOLE.replacen(
        "{ on = \"local\" }",
        "{ on = \"local\" }, { on = \"local\", model = \"extract\" }",
        1,
    ));
    let expected =
        "line 27: `routes.extract.tiers[0].models[2]` is the same as `routes.extract.tiers[0].models[1]`";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_model_that_is_left_alone_in_its_tier_keeps_what_was_said_of_it() {
    let alone = WHOLE.replacen("{ on = \"local\" },", "", 1);
    assert!(Config::from_toml(&alone).is_ok(), "{alone}");
}

#[test]
fn a_time_that_nobody_said_is_cut_short_by_the_deadline() {
    for short in ["deadline = \"1m\"", "preset = \"batch\"\ndeadline = \"5m\""] {
        assert!(Config::from_toml(short).is_ok(), "{short}");
    }
    let said = refused("deadline = \"1m\"\nattempt_timeout = \"2m\"");
    assert!(
        said.contains("line 2: `attempt_timeout` is 120s"),
        "also if it says what it would be anyway: {said}"
    );
}

#[test]
fn a_header_that_carries_a_secret_says_where_it_is() {
    let header = |value: &str| WHOLE.replace("x-team = \"papers\"", value);
    for name in ["api-key", "X-API-Key", "authorization", "x-gateway-token"] {
        let error = refused(&header(&format!("{name} = \"sk-secret\"")));
        assert!(
            error.contains(&format!("line 19: `backends.local.headers.{name}` is a secret in clear")),
            "{error}"
        );
        assert!(error.contains("{ env = \"NAME\" }") && !error.contains("sk-secret"), "{error}");
    }
    for (value, source) in [
        ("{ env = \"GATEWAY\" }", KeySource::Env("GATEWAY".into())),
        ("{ file = \"/run/gateway\" }", KeySource::File("/run/gateway".into())),
        ("{ insecure = \"sk-secret\" }", KeySource::Insecure("sk-secret".into())),
    ] {
        let config = Config::from_toml(&header(&format!("api-key = {value}"))).unwrap();
        assert_eq!(config.backends["local"].headers["api-key"], HeaderSource::Secret(source));
        assert!(!format!("{config:?}").contains("sk-secret"));
    }
    let plain = Config::from_toml(&header("x-team = \"sk-secret\"")).unwrap();
    assert!(!format!("{plain:?}").contains("sk-secret"), "one never knows");
    assert!(!refused(&header("x-team = [\"sk-secret\"]")).contains("sk-secret"));
}

#[test]
fn a_key_in_clear_is_refused_and_not_repeated() {
    let error = refused(&WHOLE.replace("{ env = \"OPENAI_API_KEY\" }", "\"sk-secret\""));
    assert!(error.contains("line 15") && error.contains("{ env = \"NAME\" }"), "{error}");
    assert!(!error.contains("sk-secret"), "{error}");
}

#[test]
fn a_key_that_one_insists_on_is_read_and_not_shown() {
    let config =
        Config::from_toml(&WHOLE.replace("env = \"OPENAI_API_KEY\"", "insecure = \"sk-secret\"")).unwrap();
    assert_eq!(config.backends["openai"].api_key, Some(KeySource::Insecure("sk-secret".into())));
    assert!(!format!("{config:?}").contains("sk-secret"));
    let broken = WHOLE.replace("{ env = \"OPENAI_API_KEY\" }", "{ insecure = \"sk-secret\", more = 1 }");
    assert!(!refused(&broken).contains("sk-secret"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::from_path("no/such/file.toml").unwrap_err().to_string();
    assert!(error.starts_with("no/such/file.toml: "), "{error}");
}

#[test]
fn the_schema_that_is_checked_in_is_the_schema() {
    let schema = serde_json::to_string_pretty(&Config::schema()).unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config.schema.json");
    if std::env::var_os("MAINSTAY_BLESS").is_some() {
        std::fs::write(path, &schema).unwrap();
    }
    assert!(std::fs::read_to_string(path).unwrap_or_default() == schema, "write it with MAINSTAY_BLESS=1");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,200}", at in 0..WHOLE.len(), cut in 0_usize..40) {
        let _ = Config::from_toml(&text);
        let end = (at + cut).min(WHOLE.len());
        let _ = Config::from_toml(&format!("{}{text}{}", &WHOLE[..at], &WHOLE[end..]));
    }
}
