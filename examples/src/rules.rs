//! A parser that needs no model: it reads the documents that follow Debian's machine-readable format.
//!
//! The format is [that of RFC 822's headers](https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/) in
//! paragraphs. A document in free prose it refuses, and says so: a rule that guesses is worse than a person.

use std::ops::RangeInclusive;

use deb822_fast::{Deb822, Paragraph};
use mainstay::Rejected;

use crate::documents::Extraction;

/// The years that a copyright may be of.
const YEARS: RangeInclusive<u16> = 1950..=2099;

/// What ends a holder's name: an address, a remark.
const REMARKS: [&str; 4] = ["<", "(", "[", "All rights"];

/// Reads a document by rules.
///
/// # Errors
///
/// If the document is not in the machine-readable format, or names neither a licence nor a holder.
///
/// # Examples
///
/// ```
/// let read = mainstay_examples::rules::extract("\
/// Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
/// Upstream-Name: zlib
///
/// Files: *
/// Copyright: 1995-2013 Jean-loup Gailly <jloup@gzip.org>
///            1995-2013 Mark Adler
/// License: Zlib
/// ")?;
/// assert_eq!(read.holders, ["Jean-loup Gailly", "Mark Adler"]);
/// assert_eq!(read.years, Some([1995, 2013]));
/// # Ok::<_, mainstay::Rejected>(())
/// ```
pub fn extract(text: &str) -> Result<Extraction, Rejected> {
    if !text.trim_start().starts_with("Format") {
        return Err(Rejected::new("not in the machine-readable format"));
    }
    let paragraphs: Deb822 = text
        .trim_start()
        .parse()
        .map_err(|error| Rejected::new(format!("not in the machine-readable format: {error}")))?;
    let mut read = Extraction::default();
    for paragraph in paragraphs.iter() {
        note(&mut read, paragraph);
    }
    if read.licenses.is_empty() && read.holders.is_empty() {
        return Err(Rejected::new("names neither a licence nor a holder"));
    }
    if read.name.is_empty() {
        let path = read.source.as_deref().unwrap_or_default().trim_end_matches('/');
        let last = path.rsplit('/').next().filter(|last| !last.is_empty());
        last.unwrap_or("unknown").clone_into(&mut read.name);
    }
    Ok(read)
}

/// Takes over what a paragraph says.
fn note(read: &mut Extraction, paragraph: &Paragraph) {
    if let Some(name) = paragraph.get("Upstream-Name") {
        name.trim().clone_into(&mut read.name);
    }
    if let Some(source) =
        paragraph.get("Source").and_then(|source| source.lines().map(str::trim).find(|line| !line.is_empty()))
    {
        read.source = Some(source.to_owned());
    }
    if let Some(license) = paragraph.get("License").and_then(|license| license.lines().next()) {
        add(&mut read.licenses, license.trim());
    }
    for claim in paragraph.get("Copyright").into_iter().flat_map(str::lines) {
        widen(&mut read.years, claim);
        add(&mut read.holders, holder(claim));
    }
}

/// The name in "2016-2018, 2020 Nikolaus Rath <Nikolaus@rath.org>".
fn holder(claim: &str) -> &str {
    let sign = ["Copyright", "(C)", "(c)", "©"].into_iter();
    let claim = sign.fold(claim.trim(), |claim, sign| claim.trim_start_matches(sign).trim_start());
    let name =
        claim.trim_start_matches(|c: char| c.is_ascii_digit() || c.is_whitespace() || "-–,.:".contains(c));
    let end = REMARKS.iter().filter_map(|remark| name.find(remark)).min().unwrap_or(name.len());
    let name = name.get(..end).unwrap_or(name).trim_start_matches("by ");
    name.trim_matches(|c: char| c.is_whitespace() || ",;".contains(c))
}

/// Makes room for the years that a claim names.
fn widen(years: &mut Option<[u16; 2]>, claim: &str) {
    let numbers = claim.split(|c: char| !c.is_ascii_digit()).filter(|digits| digits.len() == 4);
    for year in numbers.filter_map(|digits| digits.parse().ok()).filter(|year| YEARS.contains(year)) {
        let [first, last] = years.unwrap_or([year, year]);
        *years = Some([first.min(year), last.max(year)]);
    }
}

fn add(list: &mut Vec<String>, item: &str) {
    if item.starts_with(char::is_alphanumeric) && !list.iter().any(|known| known == item) {
        list.push(item.to_owned());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may fail loudly")]
mod tests {
    use super::*;
    use crate::documents;

    #[test]
    fn it_reads_what_is_machine_readable_and_refuses_prose() {
        let documents = documents::bundled(254).unwrap();
        let (read, refused): (Vec<_>, Vec<_>) = documents.iter().partition(|it| extract(&it.text).is_ok());
        assert!(read.len() >= 180, "read {}", read.len());
        assert!(refused.iter().filter(|it| it.text.starts_with("Format")).count() <= 4);
        assert!(read.iter().all(|it| it.text.trim_start().starts_with("Format")));
    }

    #[test]
    fn what_it_reads_is_complete() {
        for document in documents::bundled(254).unwrap() {
            let Ok(read) = extract(&document.text) else { continue };
            assert!(!read.name.is_empty(), "{}", document.id);
            assert!(!read.licenses.is_empty(), "{}: no licence", document.id);
            let holders = read.holders.len() + usize::from(!document.text.contains("Copyright:"));
            assert!(holders > 0, "{}: no holder", document.id);
        }
    }
}
