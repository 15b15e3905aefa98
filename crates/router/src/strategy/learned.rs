use std::{path::Path, sync::Arc};

use crate::{
    Candidate, Profile, View,
    learned::{Chooser, Model, ModelError, Target, TargetError, Threshold},
    strategy::{Complexity, LeastLoaded, Pick, Refusal, Strategy, filter},
};

/// The model that is worth its price for this prompt, by what was learned from past calls.
///
/// It looks at [`Profile::text`] and at the models' names ([`Backend::model`](crate::Backend::model)). Among backends of the chosen
/// model another strategy chooses: [`LeastLoaded`] by default. Where nothing is known (no text, no model file, none of the
/// eligible backends' models) a fixed rule does: [`Complexity`] by default.
///
/// | setting | default |
/// |---|---|
/// | [`rank`](Self::rank) | [`LeastLoaded`] |
/// | [`otherwise`](Self::otherwise) | [`Complexity`] |
///
/// # Clone
///
/// Clones share what is learned.
///
/// # Examples
///
/// See [`learned`](crate::learned).
#[derive(Clone, Debug)]
pub struct Learned<St = LeastLoaded, Otherwise = Complexity> {
    chooser: Option<Arc<Chooser>>,
    rank: St,
    otherwise: Otherwise,
}

/// What to do when there is no model to load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unloadable {
    /// It is an error: the default.
    #[default]
    Fails,
    /// It is a warning, and the fixed rule chooses.
    FallsBack,
}

/// Why a strategy cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearnedError {
    /// The model cannot be loaded.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The target cannot be reached.
    #[error(transparent)]
    Target(#[from] TargetError),
}

/// How many features explain a choice.
const REASONS: usize = 5;

// === impl Learned ===

impl Learned {
    /// Chooses by a model and a threshold: see [`Model::threshold`].
    pub fn new(model: Model, threshold: Threshold) -> Self {
        Self::sharing(Arc::new(Chooser::new(model, threshold)))
    }

    /// Chooses by a chooser that others may tell of outcomes meanwhile.
    pub fn sharing(chooser: Arc<Chooser>) -> Self {
        Self { chooser: Some(chooser), rank: LeastLoaded::default(), otherwise: Complexity::default() }
    }

    /// Loads a model, and finds its threshold for a target.
    ///
    /// # Errors
    ///
    /// The target cannot be reached; or the model cannot be loaded, unless that is to fall back.
    pub fn load(
        path: impl AsRef<Path>,
        target: Target,
        unloadable: Unloadable,
    ) -> Result<Self, LearnedError> {
        let path = path.as_ref();
        match Model::load(path) {
            Ok(model) => {
                let threshold = model.threshold(target)?.threshold;
                Ok(Self::new(model, threshold))
            }
            Err(error) if unloadable == Unloadable::FallsBack => {
                tracing::warn!(%error, path = %path.display(), "no routing model: a fixed rule chooses");
                Ok(Self { chooser: None, rank: LeastLoaded::default(), otherwise: Complexity::default() })
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl<St, Otherwise> Learned<St, Otherwise> {
    /// Sets how backends of one model are ranked.
    pub fn rank<Other: Strategy>(self, rank: Other) -> Learned<Other, Otherwise> {
        Learned { chooser: self.chooser, rank, otherwise: self.otherwise }
    }

    /// Sets the rule that chooses where nothing is known.
    pub fn otherwise<Other: Strategy>(self, otherwise: Other) -> Learned<St, Other> {
        Learned { chooser: self.chooser, rank: self.rank, otherwise }
    }

    /// What chooses, to be told of outcomes; `None` where the model could not be loaded.
    pub const fn chooser(&self) -> Option<&Arc<Chooser>> {
        self.chooser.as_ref()
    }

    /// The name of the model that is worth most to a prompt, if all can take it.
    pub fn decide(&self, prompt: &str) -> Option<&str> {
        self.chooser.as_ref().map(|chooser| chooser.decide(prompt))
    }

    /// What knows something about this call.
    fn knowing(&self, profile: &Profile<'_>) -> Option<&Chooser> {
        self.chooser.as_deref().filter(|_| !profile.text.is_empty())
    }
}

impl<St: Strategy, Otherwise: Strategy> Strategy for Learned<St, Otherwise> {
    fn choose(&self, view: &View<'_>) -> Result<Pick, Refusal> {
        let Some(chooser) = self.knowing(view.profile()) else { return self.otherwise.choose(view) };
        let index_of = |candidate: &Candidate<'_>| chooser.model().index_of(candidate.attributes().model());
        let there = view.all_eligible().filter_map(|(_, candidate)| index_of(&candidate));
        // There are at most 16 models.
        let there = there.fold(0_u32, |there, model| there | 1 << model);
        let Some(best) = chooser.worths(view.profile().text).best(|model| there & (1 << model) != 0) else {
            return self.otherwise.choose(view);
        };
        let of_model =
            filter("learned", |candidate: &Candidate<'_>, _: &Profile<'_>| index_of(candidate) == Some(best));
        view.filtered(&of_model, |view| self.rank.choose(view))
    }

    fn score(&self, view: &View<'_>, index: usize) -> Option<f64> {
        let Some(chooser) = self.knowing(view.profile()) else { return self.otherwise.score(view, index) };
        let model = chooser.model().index_of(view.get(index)?.attributes().model())?;
        chooser.worths(view.profile().text).get(model).map(|worth| -worth)
    }

    fn reasons(&self, view: &View<'_>) -> Vec<String> {
        let Some(chooser) = self.knowing(view.profile()) else { return self.otherwise.reasons(view) };
        let explanation = chooser.model().explain(view.profile().text, REASONS);
        let gain = format!(
            "gain {:+.3}, worth its price from {:+.3}",
            explanation.prediction.gain(),
            chooser.threshold().gain()
        );
        [gain].into_iter().chain(explanation.weighed.iter().map(ToString::to_string)).collect()
    }

    fn name(&self) -> &'static str {
        "learned"
    }
}
