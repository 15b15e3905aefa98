//! A choice by what was learned, for prompts of several lengths; and what it adds to a chat call through the facade.

use std::task::Poll;

use anyhow::Result;
use mainstay::Mainstay;
use mainstay_fault::Fault;
use mainstay_openai_client::ChatRequest;
use mainstay_router::{
    Backend, Backends, Profile, Router,
    learned::{Dataset, Model, Recipe, Threshold},
    strategy::{Complexity, Learned, Strategy},
};
use tower::service_fn;

use crate::{
    Measure,
    mock::Mock,
    once::{Request, call},
    rows::{
        BY_RULE, LEARNED, LEARNED_CHAT, LEARNED_FACADE, LEARNED_LONG, LEARNED_SHORT, LEARNED_USUAL,
        LOADED_FACADE,
    },
};

const TEXT: &str = include_str!("chat/prompt.txt");

/// Measures the works of this program.
///
/// # Errors
///
/// The model cannot be trained, or the server not be started.
pub fn measure_all(measure: &mut impl Measure) -> Result<()> {
    let model = model()?;
    for (work, length) in [(LEARNED_SHORT, 30), (LEARNED_USUAL, 300), (LEARNED_LONG, 3_000)] {
        choose(measure, (work, LEARNED), Learned::new(model.clone(), Threshold::new(0.1)), length)?;
        choose(measure, (work, BY_RULE), Complexity::default(), length)?;
    }

    let folder = tempfile::tempdir()?;
    let path = folder.path().join("router.model");
    model.save(&path)?;
    let mock = Mock::start_apart()?;
    let learned = format!("{{ learned = {{ model = {:?} }} }}", path.display().to_string());
    for (side, strategy) in [(LEARNED_FACADE, learned.as_str()), (LOADED_FACADE, "\"least_loaded\"")] {
        let toml = format!(
            "[backends.mock]\nbase_url = {:?}\n[routes.chat]\ntiers = [{{ strategy = {strategy}, models = [{{ on = \"mock\", model = \"weak\" }}, {{ on = \"mock\", model = \"strong\" }}] }}]",
            mock.base_url()
        );
        let stack = Mainstay::from_toml(&toml)?;
        measure.calls(LEARNED_CHAT, side, 1, move || chat(stack.clone()));
    }
    Ok(())
}

/// As large as one of real calls: of thousands of prompts, of which no two are alike.
fn model() -> Result<Model> {
    let words: Vec<&str> = TEXT.split_whitespace().collect();
    let mut data = Dataset::default();
    let mut state = 7_usize;
    for n in 0..4_000_usize {
        let prompt: Vec<&str> = (0..20 + n % 60)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                words.get((state >> 33) % words.len()).copied().unwrap_or_default()
            })
            .collect();
        let (weak, strong) =
            (f64::from(u8::from(!state.is_multiple_of(3))), f64::from(u8::from(!state.is_multiple_of(7))));
        data.push(prompt.join(" "), [("weak", weak), ("strong", strong)]);
    }
    Ok(Model::train(&data, &Recipe::default())?)
}

fn choose(
    measure: &mut impl Measure,
    (work, side): (&str, &str),
    strategy: impl Strategy + 'static,
    length: usize,
) -> Result<()> {
    let text: String = TEXT.chars().cycle().take(length).collect();
    let text: &'static str = text.leak();
    let backend = |name: &'static str| {
        Backend::new(name, service_fn(|request: Request| std::future::ready(Ok::<_, Fault>(request))))
    };
    let backends = Backends::new([backend("weak"), backend("strong")])?;
    let profile = Profile { prompt_chars: length as u64, text, ..Profile::default() };
    let mut router = Router::new(backends, strategy).describe(move |_: &Request| profile);
    measure.unit(work, side, || assert!(matches!(call(&mut router), Poll::Ready(Ok(_)))));
    Ok(())
}

async fn chat(stack: Mainstay) -> String {
    let reply =
        stack.chat(ChatRequest::new("chat").user(TEXT)).await.expect("the mock answers every call well");
    reply.text().into_owned()
}
