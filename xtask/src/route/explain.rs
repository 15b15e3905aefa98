use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::load;

/// What to explain.
#[derive(Args)]
pub(crate) struct Options {
    /// The model file.
    #[arg(long)]
    model: PathBuf,
    /// The prompt.
    prompt: String,
    /// How many features to show.
    #[arg(long, default_value_t = 12)]
    most: usize,
}

/// Prints what is predicted, and the features that weighed most.
pub(crate) fn run(options: &Options) -> Result<()> {
    let model = load(&options.model)?;
    let explanation = model.explain(&options.prompt, options.most);
    for (index, name) in model.models().enumerate() {
        println!("{name:<24}{:>6.1} %", explanation.prediction.probability(index).unwrap_or(0.0) * 100.0);
    }
    println!("predicted gain          {:>+8.3}", explanation.prediction.gain());
    for weighed in explanation.weighed {
        println!("  {:<40}{:>+8.3}", weighed.feature, weighed.weight);
    }
    Ok(())
}
