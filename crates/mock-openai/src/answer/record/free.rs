//! Free prose: signs, addresses and well-known words.

use super::{PUNCTUATION, Record, claimed};

/// Words by which a licence gives itself away.
const LICENCES: [(&str, &str); 12] = [
    ("Apache License", "Apache-2.0"),
    ("Mozilla Public License", "MPL-2.0"),
    ("Artistic License", "Artistic"),
    ("Lesser General Public License", "LGPL"),
    ("Library General Public License", "LGPL"),
    ("Affero General Public License", "AGPL"),
    ("GNU General Public License", "GPL"),
    ("Permission is hereby granted, free of charge", "MIT"),
    ("Redistribution and use in source and binary forms", "BSD"),
    ("Permission to use, copy, modify", "ISC"),
    ("public domain", "public-domain"),
    ("Boost Software License", "BSL-1.0"),
];

pub(super) fn read(prompt: &str) -> Record {
    let mut record = Record::default();
    for line in prompt.lines() {
        let line = line.trim_start_matches(['*', '|', '-', ' ', '\t']).trim_end();
        if let Some(claim) = claimed(line) {
            record.claim(claim);
        }
        for (_, licence) in LICENCES.iter().filter(|(words, _)| line.contains(words)) {
            record.license(licence);
        }
        if record.source.is_none() {
            record.source = line.split_whitespace().find_map(address).map(str::to_owned);
        }
    }
    record
}

/// An address, unless it is that of a licence.
fn address(word: &str) -> Option<&str> {
    let word = word.trim_matches(PUNCTUATION);
    let is = ["http://", "https://", "ftp://"].iter().any(|scheme| word.starts_with(scheme));
    (is && !word.contains("licenses")).then_some(word)
}
