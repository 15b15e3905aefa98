use std::{fs, io::Write};

use flate2::{Compression, write::GzEncoder};
use mainstay_router::learned::{Dataset, DatasetError, Lines};

const GOOD: &str = r#"{"prompt": "a", "weak": true, "strong": false, "subject": "x"}"#;

fn problems(lines: &str) -> Vec<(usize, String)> {
    match Dataset::read(lines.as_bytes(), Lines::AllGood) {
        Err(DatasetError::Bad(bad)) => bad.into_iter().map(|bad| (bad.line, bad.problem)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bad_lines_are_named_by_number() {
    let lines = format!("{GOOD}\nnonsense\n\n{{\"prompt\": 3, \"a\": true}}\n{{\"prompt\": \"a\"}}\n{GOOD}");
    let problems = problems(&lines);
    assert_eq!(problems.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4, 5]);
    assert_eq!(problems[0].1, "is not JSON: expected ident at column 2");
    assert_eq!(problems[1].1, "`prompt` is not a string");
    assert_eq!(
        problems[2].1,
        "has no outcome: neither `outcomes` of models, nor a field that is true or false"
    );
}

#[test]
fn bad_lines_are_skipped_only_if_asked() {
    let lines = format!("{GOOD}\n{{\"m\": true}}\n{GOOD}");
    let data = Dataset::read(lines.as_bytes(), Lines::SkipBad).unwrap();
    assert_eq!((data.len(), data.skipped()[0].line), (2, 2));
    assert_eq!(data.skipped()[0].to_string(), "line 2 has neither `prompt` nor `messages`");
}

#[test]
fn outcomes_are_scores_from_0_to_1() {
    let problems = problems(r#"{"prompt": "a", "outcomes": {"m": 1.5}}"#);
    assert_eq!(problems[0].1, "the outcome of `m` is 1.5: it must be true, false, or from 0 to 1");
    let lines = r#"{"prompt": "a", "outcomes": {"m": 0.25, "n": null, "o": true}, "cost": {"m": 0.01}}"#;
    let data = Dataset::read(lines.as_bytes(), Lines::AllGood).unwrap();
    assert_eq!([0, 1, 2].map(|model| data.outcome(0, model)), [Some(0.25), None, Some(1.0)]);
    assert_eq!(data.mean_cost(0), Some(0.01));
}

/// As choices are made: learned from other words, it would be asked about what it has never seen.
#[test]
fn a_request_is_what_the_user_asked_last() {
    let parts = r#"[{"type": "image_url", "image_url": {"url": "https://example.com"}}, {"type": "text", "text": "Hi"}, {"type": "text", "text": "you"}]"#;
    for last in [
        r#"{"role": "user", "content": "Hi"}"#.to_owned(),
        r#"{"content": "Hi"}, {"role": "assistant", "content": "Let me see."}"#.to_owned(),
        format!(r#"{{"role": "user", "content": {parts}}}"#),
    ] {
        let before = r#"{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Ho"}"#;
        let line = format!(r#"{{"request": {{"messages": [{before}, {last}]}}, "m": true}}"#);
        let data = Dataset::read(line.as_bytes(), Lines::AllGood).unwrap();
        assert_eq!(data.records()[0].prompt, "Hi", "{line}");
    }
}

#[test]
fn files_may_be_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, packed) = (folder.path().join("a.jsonl"), folder.path().join("a.jsonl.gz"));
    fs::write(&plain, GOOD).unwrap();
    let mut encoder = GzEncoder::new(fs::File::create(&packed).unwrap(), Compression::fast());
    encoder.write_all(GOOD.as_bytes()).unwrap();
    encoder.finish().unwrap();
    for path in [&plain, &packed] {
        let data = Dataset::open(path, Lines::AllGood).unwrap();
        assert_eq!(data.records()[0].group.as_deref(), Some("x"));
    }
    let error = Dataset::open(folder.path().join("none.jsonl"), Lines::AllGood).unwrap_err();
    assert!(matches!(error, DatasetError::File { .. }), "{error:?}");
}
