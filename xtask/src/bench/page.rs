//! The report as a page: for each row two bars, ours and the peer's, and a mark where the bar is.

use std::fmt::Write;

use super::report::Line;

const HEAD: &str = r#"<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Mainstay beside its peers</title>
<style>
body { font: 15px/1.4 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222 }
h2 { font-size: 1em; margin: 1.6em 0 .3em }
.side { display: flex; align-items: center; gap: .6em; margin: 2px 0 }
.name { width: 16em; text-align: right; color: #555 }
.track { position: relative; flex: 1; height: 1.1em; background: #f3f3f3 }
.fill { height: 100%; background: #b9c2cc }
.ours .fill { background: #2f6fb2 }
.missed .ours .fill { background: #c0392b }
.bar { position: absolute; top: -2px; bottom: -2px; width: 2px; background: #222 }
.value { width: 7em }
.note { color: #555; margin-left: 16.6em }
</style>
<h1>Mainstay beside its peers</h1>
<p>Each pair was measured in one run, in turn; a ratio is the median of the rounds' ratios. The black mark is the most that ours
may be; red is what misses it. Shorter is better.</p>
"#;

/// The page of all rows.
pub(super) fn page(lines: &[Line]) -> String {
    let mut page = HEAD.to_owned();
    for line in lines {
        // A `String` takes whatever is written into it.
        let _ = row(&mut page, line);
    }
    page + "</html>\n"
}

fn row(page: &mut String, line: &Line) -> std::fmt::Result {
    let [ours, peer] = line.amounts();
    let most = line.most();
    let longest = ours.0.max(peer.0).max(most.unwrap_or(0.0));
    let missed = if line.passes() { "" } else { " class=\"missed\"" };
    writeln!(page, "<section{missed}><h2>{}</h2>", escaped(line.work()))?;
    for ((amount, text), (name, class)) in
        [ours, peer].iter().zip(line.sides().iter().zip(["side ours", "side"]))
    {
        write!(
            page,
            "<div class=\"{class}\"><span class=\"name\">{}</span><span class=\"track\">",
            escaped(name)
        )?;
        write!(page, "<div class=\"fill\" style=\"width: {:.1}%\"></div>", 100.0 * amount / longest)?;
        if let (Some(most), "side ours") = (most, class) {
            write!(page, "<span class=\"bar\" style=\"left: {:.1}%\"></span>", 100.0 * most / longest)?;
        }
        writeln!(page, "</span><span class=\"value\">{}</span></div>", escaped(text))?;
    }
    writeln!(page, "<div class=\"note\">{}</div></section>", escaped(&line.note()))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
