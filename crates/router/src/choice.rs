use mainstay_fault::BackendId;
use tokio::time::Instant;

use crate::{Attributes, NoneEligible, Ticket, View, rules::Rules, standing::Admission, strategy::Refusal};

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

/// Chooses a backend and takes a place in flight there.
pub(crate) fn choose<S, M>(
    rules: &Rules<S, M>,
    view: &View<'_>,
    now: Instant,
) -> Result<(usize, Ticket), NoneEligible> {
    let mut chosen = admitted(rules, view, now);
    if matches!(chosen, Err(Refusal::NoneEligible)) && view.nothing_tried() {
        chosen = admitted(rules, &view.as_last_resort(!rules.gives_way), now);
    }
    chosen.map_err(|refusal| {
        tracing::debug!(mainstay.router.strategy = rules.strategy.name(), "no backend can take the call");
        NoneEligible::of(view, &*rules.strategy, refusal)
    })
}

fn admitted<S, M>(rules: &Rules<S, M>, view: &View<'_>, now: Instant) -> Result<(usize, Ticket), Refusal> {
    for _ in 0..TRIES {
        let pick = rules.strategy.choose(view)?;
        let member = view.member(pick.index).ok_or(Refusal::NoneEligible)?;
        if let Some(admission) = member.standing.admit(view.now(), view.is_last_resort()) {
            let ticket = Ticket::new(member.clone(), admission, now, pick.hold);
            tell(rules, view, &ticket, admission);
            return Ok((pick.index, ticket));
        }
    }
    Err(Refusal::NoneEligible)
}

fn tell<S, M>(rules: &Rules<S, M>, view: &View<'_>, ticket: &Ticket, admission: Admission) {
    if rules.on_choice.is_none() && !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let attributes = &ticket.member().attributes;
    let choice = Choice {
        backend: ticket.backend(),
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
