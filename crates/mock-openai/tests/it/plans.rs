//! Plans in TOML: what they mean, and how they are refused.

use std::{fs, path::Path, time::Duration};

use mainstay_mock_openai::{
    Dialect, FaultSpec, Latency, ModelPlan, Outage, Plan, RetryAfter, StreamFault, Turn, UnknownModels,
    WholeFault,
};

#[track_caller]
fn assert_refused(text: &str, line: usize, told: &[&str]) {
    let error = Plan::from_toml(text).unwrap_err();
    let shown = error.to_string();
    assert_eq!(error.line(), Some(line), "{shown}");
    assert!(shown.contains(&format!("line {line}, column {}", error.column().unwrap())), "{shown}");
    for part in told {
        assert!(shown.contains(part), "{part:?} is not in: {shown}");
    }
}

#[test]
fn a_plan_written_in_toml_is_the_one_built_in_rust() {
    let written = Plan::from_toml(
        r#"
        seed = 9
        keys = ["sk-1"]
        unknown_models = "404"
        idempotency_header = "X-Once"
        dedupe = true
        max_body_bytes = 1_000

        [models."gpt-4o"]
        requests_per_minute = 500
        tokens_per_minute = 30_000
        context_window = 8_192
        max_concurrent = 4
        slow_above = { calls = 3, by = "1s" }
        latency = "20ms"
        first_token = { uniform = { from = "1ms", to = "2ms" } }
        per_token = { log_normal = { median = "3ms", sigma = 0.5 } }
        sequence = ["500", 502, "ok", { fault = "stall", after = 7 }]
        outages = [{ from = "1s", until = "2s", every = "1m", fault = "reset" }]

        [[models."gpt-4o".faults]]
        fault = "rate_limited"
        probability = 0.1
        retry_after = 2

        [[models."gpt-4o".faults]]
        fault = "context_length"
        dialect = "llama_cpp"
        probability = 0.1

        [[models."gpt-4o".faults]]
        status = 418
        probability = 0.1
        "#,
    );
    let second = Duration::from_secs(1);
    let turns = [
        WholeFault::ServerError.into(),
        WholeFault::BadGateway.into(),
        Turn::Ok,
        StreamFault::Stall { after: 7 }.into(),
    ];
    let model = ModelPlan::new()
        .requests_per_minute(500)
        .tokens_per_minute(30_000)
        .context_window(8_192)
        .max_concurrent(4)
        .slow_above(3, second)
        .latency(Latency::Constant(Duration::from_millis(20)))
        .first_token(Latency::Uniform { from: Duration::from_millis(1), to: Duration::from_millis(2) })
        .per_token(Latency::LogNormal { median: Duration::from_millis(3), sigma: 0.5 })
        .sequence(turns)
        .outage(Outage::new(second, WholeFault::Reset).until(2 * second).every(60 * second))
        .fault(WholeFault::RateLimited(RetryAfter::raw("2")), 0.1)
        .fault(WholeFault::ContextLength(Dialect::LlamaCpp), 0.1)
        .fault(WholeFault::status(418), 0.1);
    let built = Plan::new()
        .seed(9)
        .key("sk-1")
        .unknown_models(UnknownModels::NotFound)
        .idempotency_header("X-Once")
        .dedupe(true)
        .max_body_bytes(1_000)
        .model("gpt-4o", model);
    assert_eq!(written.unwrap(), built);
}

#[test]
fn every_fault_can_be_written_by_its_name_alone() {
    for name in FaultSpec::names() {
        let fault: FaultSpec = name.parse().unwrap();
        assert_eq!(fault.name(), name);
        Plan::from_toml(&format!("[default]\nfaults = {{ {name} = 0.5 }}\nsequence = [\"{name}\"]")).unwrap();
    }
}

#[test]
fn the_readme_has_a_row_for_every_fault() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for name in FaultSpec::names() {
        assert!(readme.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn the_plan_in_the_readme_is_valid() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let plan = readme.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    Plan::from_toml(plan).unwrap();
}

#[test]
fn the_shipped_plans_are_valid() {
    let plans = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("plans")).unwrap();
    let read: Vec<_> = plans.map(|plan| Plan::from_path(plan.unwrap().path())).collect();
    assert_eq!(read.len(), 4);
    for plan in read {
        plan.unwrap();
    }
}

#[test]
fn a_misspelt_field_is_named_with_its_line_and_what_was_expected() {
    assert_refused("seed = 1\nmodles = {}", 2, &["unknown field `modles`", "`models`"]);
    assert_refused("[models.\"gpt-4o\"]\nlatncy = \"1s\"", 2, &["unknown field `latncy`", "`latency`"]);
    let fault = "[[default.faults]]\nfault = \"cut\"\nprobability = 0.1\naftr = 2";
    assert_refused(fault, 4, &["unknown field `aftr`", "`after`"]);
    let table = "[default]\nfaults = { cut = { probability = 0.1, aftr = 2 } }";
    assert_refused(table, 2, &["unknown field `aftr`", "`after`"]);
    assert_refused(
        "[default]\nlatency = { log_normal = { median = \"1s\", sgma = 1 } }",
        2,
        &["`sgma`", "`sigma`"],
    );
}

#[test]
fn a_fault_that_there_is_not_is_refused_with_those_that_there_are() {
    for text in [
        "[default]\nfaults = { rest = 0.1 }",
        "[default]\nsequence = [\"rest\"]",
        "[[default.outages]]\nfault = \"rest\"",
    ] {
        assert_refused(text, 2, &["unknown fault `rest`", "reset", "cut"]);
    }
}

#[test]
fn a_parameter_that_does_not_apply_is_refused() {
    let text = "[[default.faults]]\nfault = \"reset\"\nprobability = 0.1\nafter = 3";
    assert_refused(text, 1, &["`after` does not apply to the fault `reset`"]);
    assert_refused(
        "[default]\nsequence = [{ fault = \"cut\", probability = 1 }]",
        2,
        &["this fault is certain"],
    );
    assert_refused("[default]\nfaults = [{ fault = \"cut\" }]", 2, &["missing field `probability`"]);
}

#[test]
fn a_probability_that_is_none_is_refused_with_its_value() {
    for value in ["1.5", "-0.1", "nan", "inf"] {
        let shown = if value == "nan" { "NaN" } else { value };
        let text = format!("[default]\n\nfaults = {{ reset = {value} }}");
        assert_refused(
            &text,
            3,
            &[&format!("`default.faults.reset` is {shown}: a probability must be between 0 and 1")],
        );
    }
    let sum = "[models.\"gpt-4.1\"]\nfaults = { reset = 0.5, close = 0.75 }";
    assert_refused(sum, 2, &["`models.\"gpt-4.1\".faults` is 1.25 in all", "at most 1"]);
    Plan::from_toml("[default]\nfaults = { reset = 0.1, close = 0.2, hang = 0.3, cut = 0.4 }").unwrap();
}

#[test]
fn numbers_that_make_no_sense_are_refused_with_their_field() {
    assert_refused("[default]\nrequests_per_minute = 0", 2, &["`default.requests_per_minute` is 0"]);
    assert_refused("[default]\ncontext_window = -1", 2, &["context_window", "integer `-1`"]);
    assert_refused("[default]\nlatency = \"-1s\"", 2, &["latency", "\"-1s\"", "a duration with its unit"]);
    assert_refused("[default]\nlatency = 5", 2, &["latency", "integer `5`"]);
    assert_refused("max_body_bytes = 0", 1, &["`max_body_bytes` is 0"]);
    assert_refused("keys = [\"a\", \"\"]", 1, &["`keys[1]` is empty"]);
    assert_refused("idempotency_header = \"a b\"", 1, &["`idempotency_header` is \"a b\""]);
    let range = "[default]\nlatency = { uniform = { from = \"2s\", to = \"1s\" } }";
    assert_refused(range, 2, &["`default.latency.uniform` is 2s to 1s"]);
    let sigma = "[default]\nper_token = { log_normal = { median = \"2s\", sigma = nan } }";
    assert_refused(sigma, 2, &["`default.per_token.log_normal.sigma` is NaN"]);
    let ends = "[[default.outages]]\nfrom = \"2s\"\nuntil = \"1s\"\nfault = \"500\"";
    assert_refused(ends, 3, &["`default.outages[0].until` is 1s"]);
    let every = "[[default.outages]]\nuntil = \"2s\"\nevery = \"1s\"\nfault = \"500\"";
    assert_refused(every, 3, &["`default.outages[0].every` is 1s"]);
    let huge = "[default]\nsequence = [{ fault = \"huge_event\", size = 2_000_000_000 }]";
    assert_refused(huge, 2, &["`default.sequence[0].size` is 2000000000: must be at most 1 GiB"]);
    assert_refused("[default]\nsequence = [{ status = 99 }]", 2, &["`default.sequence[0].status` is 99"]);
    let header = "[default]\nsequence = [{ status = 500, headers = { x = \"a\\nb\" } }]";
    assert_refused(header, 2, &["`default.sequence[0].headers.x`", "no valid header"]);
}

#[test]
fn a_file_is_named_where_it_is_wrong_and_where_it_is_not() {
    let missing = Plan::from_path("/nowhere/plan.toml").unwrap_err();
    assert!(missing.to_string().starts_with("plan /nowhere/plan.toml: cannot be read: "), "{missing}");
    assert_eq!(missing.line(), None);
}
