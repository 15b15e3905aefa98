//! The crate is usable alone: see `tests/scratch`, a crate outside the workspace.

use std::{path::Path, process::Command};

#[test]
fn a_crate_that_depends_on_this_one_alone_stacks_its_layer_on_its_own_service() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scratch");
    let source = built.join("source");
    std::fs::create_dir_all(source.join("src")).unwrap();
    // A copy, so that the lock file does not land in the sources; locked to the workspace's own versions.
    let manifest = std::fs::read_to_string(here.join("tests/scratch/Cargo.toml")).unwrap();
    let crates = here.parent().unwrap().display();
    let manifest = manifest.replace("../../../fault", &format!("{crates}/fault"));
    let manifest = manifest.replace("\"../..\"", &format!("\"{crates}/backoff\""));
    std::fs::write(source.join("Cargo.toml"), manifest).unwrap();
    std::fs::copy(here.join("tests/scratch/src/main.rs"), source.join("src/main.rs")).unwrap();
    std::fs::copy(here.join("../../Cargo.lock"), source.join("Cargo.lock")).unwrap();

    let cargo = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--manifest-path"])
        .arg(source.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", built.join("target"))
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&cargo.stdout);
    assert_eq!(said, "Does it hold? Yes. (3 attempts)\n", "{}", String::from_utf8_lossy(&cargo.stderr));
}
