//! The extraction of a record from a Debian `copyright` file, by simple rules.

mod formatted;
mod free;

use serde_json::{Value, json};

use super::{prose, schema};

/// The answer to a request for JSON: what the prompt's document says, in the form that was asked for.
pub(super) fn json(schema: Option<&Value>, prompt: &str) -> String {
    let record = Record::read(prompt).map(|record| record.to_json());
    let value = match (schema, record) {
        (Some(schema), record) => schema::fill(schema, record.as_ref(), prompt),
        (None, Some(record)) => record,
        (None, None) => json!({"answer": prose::about(prompt, 0)}),
    };
    value.to_string()
}

/// What a copyright file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Record {
    name: Option<String>,
    source: Option<String>,
    licenses: Vec<String>,
    holders: Vec<String>,
    years: Option<(u16, u16)>,
}

// === impl Record ===

impl Record {
    /// Reads a prompt that ends in a copyright file; `None` if it has nothing of one.
    fn read(prompt: &str) -> Option<Self> {
        let mut record = if formatted::is(prompt) { formatted::read(prompt) } else { free::read(prompt) };
        let path = record.source.as_deref().map(|source| source.trim_end_matches('/'));
        // A document that does not name its package is about what its address ends in.
        let last = path.and_then(|path| path.rsplit('/').next()).map(str::to_owned);
        record.name = record.name.or(last);
        let found = !record.licenses.is_empty() || !record.holders.is_empty();
        found.then_some(record)
    }

    fn license(&mut self, license: &str) {
        add(&mut self.licenses, license);
    }

    /// "2016-2018, 2020 Nikolaus Rath <Nikolaus@rath.org>".
    fn claim(&mut self, claim: &str) {
        let digits = claim.split(|digit: char| !digit.is_ascii_digit()).filter(|digits| digits.len() == 4);
        let years = digits.filter_map(|digits| digits.parse().ok());
        for year in years.filter(|year| (1950..=2099).contains(year)) {
            let (first, last) = self.years.unwrap_or((year, year));
            self.years = Some((first.min(year), last.max(year)));
        }
        let holder =
            claim.trim_start_matches(|c: char| c.is_ascii_digit() || c.is_whitespace() || "-–,.".contains(c));
        let holder = holder.split(['<', '(']).next().unwrap_or_default();
        let holder = holder.split("All rights").next().unwrap_or_default();
        let holder = holder.trim().trim_start_matches("by ").trim_end_matches(PUNCTUATION).trim();
        if holder.starts_with(char::is_alphabetic) {
            add(&mut self.holders, holder);
        }
    }

    fn to_json(&self) -> Value {
        let years = self.years.map(|(first, last)| [first, last]);
        let name = self.name.as_deref().unwrap_or("unknown");
        let Self { source, licenses, holders, .. } = self;
        json!({"name": name, "source": source, "licenses": licenses, "holders": holders, "years": years})
    }
}

const PUNCTUATION: [char; 8] = ['.', ',', ';', '<', '>', '(', ')', ' '];

fn add(list: &mut Vec<String>, item: &str) {
    if !list.iter().any(|known| known == item) {
        list.push(item.to_owned());
    }
}

/// What follows a copyright sign and begins with a year.
fn claimed(line: &str) -> Option<&str> {
    let sign = |line: &str, signs: &[&str]| {
        let rest = signs.iter().find_map(|sign| line.strip_prefix(sign));
        rest.map(|rest| rest.trim_start_matches([' ', ':', '\t']).len())
    };
    let after = |line, signs| {
        Some(line).zip(sign(line, signs)).and_then(|(line, left)| line.get(line.len() - left..))
    };
    let rest = after(line, &["Copyright", "copyright", "©", "(C)", "(c)"])?;
    let rest = after(rest, &["(C)", "(c)", "©", "Copyright"]).unwrap_or(rest);
    rest.starts_with(|first: char| first.is_ascii_digit()).then_some(rest)
}
