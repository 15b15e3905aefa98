use std::path::Path;

use anyhow::{Context, Result};
use plotters::prelude::*;

use super::Outcome;

const SIZE: (u32, u32) = (860, 420);
/// How wide a bar is; the space between days is the rest of 1.
const BAR: f64 = 0.34;

/// A part of a bar: its name, its colour, and how many documents it stands for.
type Part = (&'static str, RGBColor, fn(&Outcome) -> usize);

const PARTS: [Part; 5] = [
    ("large model, first try", RGBColor(38, 101, 163), |outcome| outcome.first),
    ("large model, retried", RGBColor(105, 161, 214), |outcome| outcome.retried),
    ("small model", RGBColor(98, 171, 122), |outcome| outcome.small),
    ("parser", RGBColor(231, 189, 76), |outcome| outcome.parser),
    ("people", RGBColor(199, 91, 74), |outcome| outcome.queued),
];
const BARE: RGBColor = RGBColor(160, 160, 160);

/// Draws who served which share of each day's documents, beside what the bare client got, as SVG.
///
/// # Errors
///
/// The file cannot be written.
pub fn chart(outcomes: &[Outcome], path: &Path) -> Result<()> {
    draw(outcomes, path).with_context(|| format!("cannot draw {}", path.display()))
}

fn draw(outcomes: &[Outcome], path: &Path) -> Result<()> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let days = outcomes.len() as f64;
    let mut chart = ChartBuilder::on(&area)
        .margin(16)
        .caption("Documents that got through", ("sans-serif", 20))
        .x_label_area_size(32)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..days, 0.0..160.0)?;
    let name = |x: &f64| outcomes.iter().enumerate().find(|(at, _)| (*x - *at as f64 - 0.5).abs() < 0.01);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(outcomes.len() * 2 + 1)
        .x_label_formatter(&|x| name(x).map_or_else(String::new, |(_, outcome)| outcome.day.to_owned()))
        .y_labels(8)
        .y_label_formatter(&|y| if *y <= 100.0 { format!("{y:.0} %") } else { String::new() })
        .draw()?;
    let bars = |low: f64, left: f64, height: f64, color: RGBColor| {
        Rectangle::new([(left, low), (left + BAR, low + height)], color.filled())
    };
    let alone = outcomes.iter().enumerate();
    let alone = alone.map(|(at, it)| bars(0.0, at as f64 + 0.13, it.percent(it.bare), BARE));
    let legend =
        |color: RGBColor| move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], color.filled());
    chart.draw_series(alone)?.label("bare client").legend(legend(BARE));
    let mut low = vec![0.0; outcomes.len()];
    for (name, color, count) in PARTS {
        let parts = outcomes.iter().zip(&mut low).enumerate().map(|(at, (outcome, low))| {
            let height = outcome.percent(count(outcome));
            let bar = bars(*low, at as f64 + 0.53, height, color);
            *low += height;
            bar
        });
        let parts: Vec<_> = parts.collect();
        chart.draw_series(parts)?.label(name).legend(legend(color));
    }
    let labels = chart.configure_series_labels().position(SeriesLabelPosition::UpperRight).draw();
    labels?;
    area.present()?;
    Ok(())
}
