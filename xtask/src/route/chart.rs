//! Cost against quality, as a drawing.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use mainstay_router::learned::Curve;
use plotters::prelude::*;

use super::pair::Named;

const SIZE: (u32, u32) = (800, 560);

/// Draws curves: the share of strong calls to the right, the quality of answers upwards.
pub(crate) fn draw(path: &Path, curves: &[Named]) -> Result<()> {
    let cannot = || format!("cannot draw {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(cannot)?;
    }
    draw_svg(path, curves).with_context(cannot)
}

fn draw_svg(path: &Path, curves: &[Named]) -> Result<()> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (low, high) = range(curves.iter().map(|(_, curve)| curve));
    let mut builder = ChartBuilder::on(&area);
    builder.margin(16).x_label_area_size(40).y_label_area_size(64);
    builder.caption("What strong calls buy", ("sans-serif", 22));
    let mut chart = builder.build_cartesian_2d(0.0..1.0, low..high)?;
    chart
        .configure_mesh()
        .max_light_lines(1)
        .x_desc("share of calls to the strong model")
        .y_desc("mean quality of answers")
        .draw()?;
    for (index, (name, curve)) in curves.iter().enumerate() {
        let color = Palette99::pick(index).to_rgba();
        let style = color.stroke_width(if index == 0 { 3 } else { 1 });
        let points = curve.points().iter().map(|point| (point.share, point.quality));
        let label = format!("{name}: APGR {:.3}", curve.apgr());
        let line = chart.draw_series(LineSeries::new(points, style))?.label(label);
        line.legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    let mut labels = chart.configure_series_labels();
    labels.position(SeriesLabelPosition::LowerRight).background_style(WHITE).border_style(BLACK).draw()?;
    area.present()?;
    Ok(())
}

fn range<'a>(curves: impl Iterator<Item = &'a Curve>) -> (f64, f64) {
    let qualities = curves.flat_map(Curve::points).map(|point| point.quality);
    let (low, high) =
        qualities.fold((1.0, 0.0), |(low, high): (f64, f64), quality| (low.min(quality), high.max(quality)));
    let room = ((high - low) * 0.05).max(0.001);
    (low - room, high + room)
}
