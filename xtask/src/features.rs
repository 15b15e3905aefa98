//! `cargo xtask features`: what each published crate promises to those who take a part of it.

use std::{
    collections::BTreeMap,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result};
use serde::Deserialize;

/// What `cargo metadata` says of the workspace.
#[derive(Deserialize)]
struct Workspace {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    features: BTreeMap<String, Vec<String>>,
    /// Where it may be published to: anywhere if this is `None`.
    publish: Option<Vec<String>>,
}

/// Checks the library of each published crate without features, and with each feature alone.
pub(crate) fn run() -> Result<ExitCode> {
    for package in published()? {
        for feature in package.alone() {
            let told = if feature.is_empty() { "no feature" } else { feature };
            println!("{}: {told}", package.name);
            let check = ["check", "--quiet", "--lib", "--no-default-features", "--features", feature];
            let status = cargo().args(check).args(["--package", &package.name]).status();
            if !status.context("cannot run cargo check")?.success() {
                println!("{} does not compile with {told} alone", package.name);
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn published() -> Result<Vec<Package>> {
    let output = cargo().args(["metadata", "--no-deps", "--offline", "--format-version=1"]).output();
    let output = output.context("cannot run cargo metadata")?;
    let workspace: Workspace = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok(workspace.packages.into_iter().filter(|package| package.publish.is_none()).collect())
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

// === impl Package ===

impl Package {
    /// None, and each but the one that names the defaults, which all the other steps have on.
    fn alone(&self) -> impl Iterator<Item = &str> {
        let named = self.features.keys().map(String::as_str);
        std::iter::once("").chain(named.filter(|feature| *feature != "default"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn crates_that_are_published_are_checked_with_none_and_with_each_of_their_features() {
        let packages = published().unwrap();
        assert!(packages.iter().all(|package| package.name != "xtask" && package.name != "mainstay-testkit"));
        let bucket = packages.iter().find(|package| package.name == "mainstay-bucket").unwrap();
        assert_eq!(bucket.alone().collect::<Vec<_>>(), ["", "governor", "quanta", "redis", "redis-tls"]);
        let mock = packages.iter().find(|package| package.name == "mainstay-mock-openai").unwrap();
        assert_eq!(mock.alone().collect::<Vec<_>>(), ["", "cli"]);
    }

    #[test]
    fn crates_that_are_published_bring_their_licences_along() {
        for package in published().unwrap() {
            let folder = package.name.strip_prefix("mainstay-").unwrap_or("facade");
            for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
                let path = Path::new("../crates").join(folder).join(licence);
                assert!(path.exists(), "{} is missing", path.display());
            }
        }
    }
}
