use mainstay_fault::BackendId;

use crate::{
    Attributes, NoneEligible, View,
    budget::Hold,
    member::Member,
    rules::Rules,
    standing::Admission,
    strategy::{Pick, Refusal},
};

/// A choice that was made, as [`Router::on_choice`](crate::Router::on_choice) is told.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Choice<'a> {
    /// The backend's number.
    pub backend: BackendId,
    /// The backend's attributes.
    pub attributes: &'a Attributes,
    /// The strategy's name.
    pub strategy: &'static str,
    /// How many backends there were, eligible or not.
    pub candidates: usize,
    /// Whether the call probes a backend that was set aside.
    pub probe: bool,
    /// Whether the backend is set aside, and was taken because there was no other.
    pub last_resort: bool,
}

/// How often a choice is made anew because another call was quicker to take the place of a probe.
const TRIES: usize = 16;

/// The backend that was chosen for a call, which lets it through.
pub(crate) struct Chosen {
    pub(crate) index: usize,
    pub(crate) admission: Admission,
    pub(crate) hold: Option<Hold>,
}

/// Chooses a backend that lets the call through.
pub(crate) fn choose<S, M>(rules: &Rules<S, M>, view: &View<'_>) -> Result<Chosen, NoneEligible> {
    let mut chosen = admitted(rules, view);
    if matches!(chosen, Err(Refusal::NoneEligible)) && view.nothing_tried() {
        chosen = admitted(rules, &view.as_last_resort(!rules.gives_way));
    }
    chosen.map_err(|refusal| {
        tracing::debug!(mainstay.router.strategy = rules.strategy.name(), "no backend can take the call");
        NoneEligible::of(view, &*rules.strategy, refusal)
    })
}

fn admitted<S, M>(rules: &Rules<S, M>, view: &View<'_>) -> Result<Chosen, Refusal> {
    for _ in 0..TRIES {
        let Pick { index, hold } = rules.strategy.choose(view)?;
        let member = view.member(index).ok_or(Refusal::NoneEligible)?;
        if let Some(admission) = member.standing.admit(view.now(), view.is_last_resort()) {
            tell(rules, view, member, admission);
            return Ok(Chosen { index, admission, hold });
        }
    }
    Err(Refusal::NoneEligible)
}

fn tell<S, M>(rules: &Rules<S, M>, view: &View<'_>, member: &Member, admission: Admission) {
    if rules.on_choice.is_none() && !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let attributes = &member.attributes;
    let choice = Choice {
        backend: member.id,
        attributes,
        strategy: rules.strategy.name(),
        candidates: view.len(),
        probe: admission == Admission::Probe,
        last_resort: admission == Admission::LastResort,
    };
    tracing::debug!(
        mainstay.router.backend = attributes.name(),
        mainstay.router.strategy = choice.strategy,
        mainstay.router.candidates = choice.candidates,
        mainstay.router.probe = choice.probe,
        mainstay.router.last_resort = choice.last_resort,
        gen_ai.request.model = attributes.model(),
        "chose a backend"
    );
    if let Some(hook) = &rules.on_choice {
        hook(&choice);
    }
}
