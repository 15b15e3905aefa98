//! Every TOML block of the guide and of the README is a configuration that can be read.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail loudly")]

use std::{fs, path::Path};

use mainstay::Config;
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

/// The blocks of a chapter that are written in TOML.
fn blocks(text: &str) -> Vec<String> {
    let (mut blocks, mut inside) = (Vec::new(), false);
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                inside = &*language == "toml";
                if inside {
                    blocks.push(String::new());
                }
            }
            Event::End(_) => inside = false,
            Event::Text(text) if inside => blocks.last_mut().unwrap().push_str(&text),
            _ => {}
        }
    }
    blocks
}

#[test]
fn every_configuration_in_the_guide_can_be_read() {
    let mut read = 0;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = fs::read_dir(here.join("src")).unwrap().map(|entry| entry.unwrap().path());
    let chapters = entries.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    for path in chapters.chain([here.join("../README.md")]) {
        let blocks = blocks(&fs::read_to_string(&path).unwrap()).into_iter();
        for block in blocks.filter(|block| !block.contains("dependencies]\n")) {
            let config = Config::from_toml(&block);
            assert!(config.is_ok(), "{}: {}\n{block}", path.display(), config.unwrap_err());
            read += 1;
        }
    }
    assert!(read >= 10, "{read} configurations were found");
}
