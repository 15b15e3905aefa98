//! The table of decisions, written out once more as its readers know it.

use mainstay_fault::{
    Elsewhere::{self, IfAsked, LargerWindow, No, Yes},
    Fault, FaultKind,
    HealthEffect::{self, CountsAgainst, None, SetAsideForLong, SetAsideUntilRetryAfter},
    PastDeadline, health_effect, retryable, worth_falling_back,
};

const TABLE: [(&str, bool, Elsewhere, HealthEffect); 16] = [
    ("rate_limited", true, Yes, SetAsideUntilRetryAfter),
    ("quota_exhausted", false, Yes, SetAsideForLong),
    ("overloaded", true, Yes, CountsAgainst),
    ("unavailable", true, Yes, CountsAgainst),
    ("timeout", true, Yes, CountsAgainst),
    ("connect", true, Yes, CountsAgainst),
    ("malformed", true, Yes, CountsAgainst),
    ("rejected", true, Yes, None),
    ("interrupted", false, No, CountsAgainst),
    ("model_not_found", false, Yes, SetAsideForLong),
    ("auth", false, Yes, SetAsideForLong),
    ("context_length", false, LargerWindow, None),
    ("content_filtered", false, IfAsked, None),
    ("invalid_request", false, No, None),
    ("shed", false, Yes, None),
    ("cancelled", false, No, None),
];

#[test]
fn every_kind_is_decided_as_the_table_says() {
    assert_eq!(TABLE.len(), FaultKind::ALL.len());
    for ((name, retry, elsewhere, health), kind) in TABLE.into_iter().zip(FaultKind::ALL) {
        let fault = Fault::new(kind);
        assert_eq!(kind.as_str(), name);
        assert_eq!(retryable(&fault), retry, "{name}");
        assert_eq!(worth_falling_back(&fault), elsewhere, "{name}");
        assert_eq!(health_effect(&fault), health, "{name}");
    }
}

#[test]
fn the_servers_word_overrides_the_retry_column_and_no_other() {
    for kind in FaultKind::ALL {
        for word in [true, false] {
            let fault = Fault::new(kind).with_should_retry(word);
            assert_eq!(retryable(&fault), word, "{kind}");
            assert_eq!(worth_falling_back(&fault), worth_falling_back(&Fault::new(kind)), "{kind}");
        }
    }
}

#[test]
fn a_kinds_name_is_its_text_in_every_form() {
    for kind in FaultKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    let error = "weather".parse::<FaultKind>().unwrap_err();
    assert!(error.to_string().contains("\"weather\""), "{error}");
}

#[test]
fn past_the_calls_deadline_nothing_is_sent_again_and_who_was_not_asked_is_not_judged() {
    for kind in FaultKind::ALL {
        let plain = Fault::new(kind);
        let late = |past| plain.with_should_retry(true).with_past_deadline(past);
        let (cut_off, unsent) = (late(PastDeadline::CutOff), late(PastDeadline::Unsent));
        assert!(!retryable(&cut_off) && !retryable(&unsent), "{kind}");
        assert_eq!(health_effect(&cut_off), health_effect(&plain), "{kind}");
        assert_eq!(health_effect(&unsent), None, "{kind}");
        assert_eq!(worth_falling_back(&unsent), worth_falling_back(&plain), "{kind}");
    }
}

#[test]
fn nobody_is_judged_by_an_answer_that_was_not_read() {
    for kind in FaultKind::ALL {
        let (plain, unread) = (Fault::new(kind), Fault::new(kind).with_unread(true));
        assert_eq!(health_effect(&unread), None, "{kind}");
        assert_eq!(retryable(&unread), retryable(&plain), "{kind}");
    }
    let unread = Fault::new(FaultKind::Interrupted).with_unread(true);
    assert_eq!(unread.to_string(), "stream interrupted while nobody read");
}
