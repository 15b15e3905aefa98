use crate::{example, said};

/// The number that stands in a table's row under a column, counted from 0.
fn number(text: &str, row: &str, column: usize) -> u64 {
    let line = text.lines().find(|line| line.starts_with(row)).unwrap();
    line[row.len()..].split_whitespace().nth(column).unwrap().parse().unwrap()
}

#[test]
fn a_retry_budget_spares_the_upstream() {
    let text = said(&mut example("single_layer_retry"));
    let (calls, with, without) =
        (number(&text, "with a budget", 0), number(&text, "with a budget", 2), number(&text, "without", 2));
    assert!(with * 10 <= calls * 12 && without * 10 > calls * 15, "{text}");
}

#[test]
fn a_limit_lets_nobody_pass_who_came_later() {
    let text = said(&mut example("single_layer_limit"));
    let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words} is not in\n{text}"));
    assert!(at("huge              begins") < at("small, behind it  begins"));
    assert!(text.contains("never             refused (shed)"), "{text}");
}

#[test]
fn an_order_is_booked_once() {
    let text = said(&mut example("single_layer_idempotency"));
    assert_eq!(text.matches("a rope, as booking 1").count(), 3, "{text}");
    assert!(text.contains("was used for another request"), "{text}");
}

#[test]
fn each_tier_takes_what_those_above_could_not() {
    let text = said(&mut example("single_layer_fallback"));
    for (ask, by) in
        [("easy", "by large"), ("rush hour", "by small"), ("outage", "by rules"), ("riddle", "by sorry")]
    {
        let line = text.lines().find(|line| line.starts_with(ask)).unwrap();
        assert!(line.contains(by), "{line}");
    }
    assert!(text.contains("no tier answered: large: invalid request"), "{text}");
}

#[test]
fn a_router_goes_around_what_fails() {
    let text = said(&mut example("single_layer_router"));
    let row = |row| [0, 1, 2, 3].map(|column| number(&text, row, column));
    let (well, down, again) = (row("     0 to 10"), row("    20 to 30"), row("    50 to 60"));
    assert!(well[0] > 100 && down[0] == 0 && again[0] > 100, "{text}");
    assert_eq!((well[3], down[3], again[3]), (0, 0, 0), "{text}");
}
