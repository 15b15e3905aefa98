//! The extraction of a record from a Debian `copyright` file, by simple rules.
//!
//! The rules know the machine-readable format (`Upstream-Name:`, `Source:`, `Files:`, `Copyright:`, `License:`) and make
//! the best of free prose.

use serde_json::{Value, json};

use super::{prose, schema};

/// Words by which a line of free prose names a licence, and the licence.
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

/// The answer to a request for JSON: what the prompt's document says, in the form that was asked for.
pub(super) fn json(schema: Option<&Value>, prompt: &str) -> String {
    let record = Record::read(prompt);
    match (schema, record) {
        (Some(schema), Some(record)) => schema::fill(schema, Some(&record.to_json()), prompt).to_string(),
        (Some(schema), None) => schema::fill(schema, None, prompt).to_string(),
        (None, Some(record)) => record.to_json().to_string(),
        (None, None) => json!({"answer": prose::about(prompt, 0)}).to_string(),
    }
}

/// What a copyright file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Record {
    name: String,
    source: Option<String>,
    licenses: Vec<String>,
    holders: Vec<String>,
    years: Option<(u16, u16)>,
}

// === impl Record ===

impl Record {
    /// Reads a prompt that ends in a copyright file; `None` if it has nothing of one.
    fn read(prompt: &str) -> Option<Self> {
        let mut record = Self::default();
        let mut in_copyright = false;
        for line in prompt.lines() {
            let indented = line.starts_with([' ', '\t']);
            if let Some((field, value)) = line.split_once(':').filter(|_| !indented) {
                in_copyright = field.trim().eq_ignore_ascii_case("copyright");
                record.field(field.trim(), value.trim());
            }
            record.line(line.trim(), in_copyright);
        }
        record.name_from_source();
        let found = !record.licenses.is_empty() || !record.holders.is_empty();
        found.then_some(record)
    }

    /// One field of the machine-readable format.
    fn field(&mut self, field: &str, value: &str) {
        match field {
            _ if value.is_empty() => {}
            "Upstream-Name" | "Name" if self.name.is_empty() => value.clone_into(&mut self.name),
            "Source" | "Upstream-Source" if self.source.is_none() => self.source = Some(value.to_owned()),
            "License" => self.license(value),
            _ => {}
        }
    }

    /// Any line: a holder, years, words that name a licence, an address.
    fn line(&mut self, line: &str, in_copyright: bool) {
        let line = line.trim_start_matches(['*', '|', '-', ' ']);
        let told = line.strip_prefix("Copyright:").map_or(line, str::trim);
        let claims =
            in_copyright && told.starts_with(|first: char| first.is_ascii_digit() || first.is_alphabetic());
        if let Some(claim) = claim(told).or_else(|| claims.then_some(told)).filter(|claim| !claim.is_empty())
        {
            self.claim(claim);
        }
        if let Some((_, licence)) = LICENCES.iter().find(|(words, _)| line.contains(words))
            && self.licenses.is_empty()
        {
            self.license(licence);
        }
        if self.source.is_none() && !line.starts_with("Format") {
            self.source = line
                .split_whitespace()
                .find(|word| is_address(word))
                .map(|word| word.trim_matches(PUNCTUATION).to_owned());
        }
    }

    fn license(&mut self, license: &str) {
        if !self.licenses.iter().any(|known| known == license) {
            self.licenses.push(license.to_owned());
        }
    }

    /// "2016-2018, 2020 Nikolaus Rath <Nikolaus@rath.org>".
    fn claim(&mut self, claim: &str) {
        let years = claim.split(|digit: char| !digit.is_ascii_digit()).filter(|digits| digits.len() == 4);
        for year in years.filter_map(|digits| digits.parse().ok()).filter(|year| (1950..=2099).contains(year))
        {
            let (first, last) = self.years.unwrap_or((year, year));
            self.years = Some((first.min(year), last.max(year)));
        }
        let holder =
            claim.trim_start_matches(|c: char| c.is_ascii_digit() || c.is_whitespace() || "-–,.".contains(c));
        let holder = holder.split(['<', '(']).next().unwrap_or_default();
        let holder = holder.trim().trim_start_matches("by ").trim_end_matches(PUNCTUATION).trim();
        if holder.starts_with(char::is_alphabetic) && !self.holders.iter().any(|known| known == holder) {
            self.holders.push(holder.to_owned());
        }
    }

    /// A document that does not name its package is about what its address ends in.
    fn name_from_source(&mut self) {
        if self.name.is_empty() {
            let path = self.source.as_deref().map(|source| source.trim_end_matches('/'));
            let last = path.and_then(|path| path.rsplit('/').next()).filter(|last| !last.is_empty());
            last.unwrap_or("unknown").clone_into(&mut self.name);
        }
    }

    fn to_json(&self) -> Value {
        let years = self.years.map(|(first, last)| [first, last]);
        json!({
            "name": self.name, "source": self.source, "licenses": self.licenses, "holders": self.holders, "years": years,
        })
    }
}

const PUNCTUATION: [char; 7] = ['.', ',', ';', '<', '>', '(', ')'];

fn is_address(word: &str) -> bool {
    let word = word.trim_matches(PUNCTUATION);
    ["http://", "https://", "ftp://"].iter().any(|scheme| word.starts_with(scheme))
}

/// What follows a copyright sign.
fn claim(line: &str) -> Option<&str> {
    let rest =
        ["Copyright", "copyright", "©", "(C)", "(c)"].iter().find_map(|sign| line.strip_prefix(sign))?;
    let rest = rest.trim_start_matches([' ', ':']);
    let rest = ["(C)", "(c)", "©", "Copyright"]
        .iter()
        .find_map(|sign| rest.strip_prefix(sign))
        .unwrap_or(rest)
        .trim();
    rest.starts_with(|first: char| first.is_ascii_digit()).then_some(rest)
}
