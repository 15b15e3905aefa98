//! What a configuration may say, and how it says no.

use std::fmt::Write;

use mainstay::{Config, KeySource, StrategyConfig};
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
    { answer = '{"entities": []}' },
    { queue = "people.jsonl" },
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
    assert_eq!(Config::from_toml(&config.to_toml()).unwrap(), config);
}

#[test]
fn the_default_is_a_configuration() {
    assert_eq!(Config::from_toml("").unwrap(), Config::default());
    assert_eq!(Config::from_toml(&Config::default().to_toml()).unwrap(), Config::default());
}

#[test]
fn an_unknown_field_is_named_with_its_line_and_what_would_be_right() {
    let error = refused(&WHOLE.replace("weight = 3", "wieght = 3"));
    assert!(
        error.starts_with("configuration, line 26: unknown field `wieght`, expected one of `on`, `model`"),
        "{error}"
    );
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
        ("weight = 3", "weight = 0", "line 26: `routes.extract.tiers[0].models[0].weight` is 0"),
        ("\"weighted\"", "\"cheapest\"", "`routes.extract.tiers[0].models[1]` has no `price`"),
        ("input = 2.5", "input = -2.5", "`routes.extract.tiers[0].models[0].price.input` is -2.5"),
        (
            "{ queue = \"people.jsonl\" }",
            "{ queue = \"people.jsonl\", answer = \"no\" }",
            "`routes.extract.tiers[2]` must have exactly one of",
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
    ];
    for (from, to, expected) in cases {
        let error = refused(&WHOLE.replacen(from, to, 1));
        assert!(error.contains(expected), "{error}\nlacks {expected}");
    }
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
fn a_hundred_routes_are_read() {
    let mut text = WHOLE.to_owned();
    for number in 0..100 {
        writeln!(text, "[routes.r{number}]\ntiers = [{{ models = [{{ on = \"local\" }}] }}]").unwrap();
    }
    assert_eq!(Config::from_toml(&text).unwrap().routes.len(), 101);
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
