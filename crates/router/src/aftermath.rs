use std::sync::Arc;

use mainstay_fault::{Elsewhere, Fault, FaultKind, HasFault, worth_falling_back};

use crate::{
    Candidate, Error, Failed, Memory, Meter, Profile, Ticket, Usage, View, error::Prospects, future::ONCE,
    moment::Moment, profile::Needs, rules::Rules, strategy::filter, word::State,
};

/// What is needed when a call ends, besides its ticket.
pub(crate) struct Aftermath<S, M, T> {
    rules: Arc<Rules<S, M>>,
    needs: Needs,
    memory: T,
}

// === impl Aftermath ===

impl<S, M, T: Memory> Aftermath<S, M, T> {
    #[inline]
    pub(crate) fn new(rules: &Arc<Rules<S, M>>, needs: Needs, memory: T) -> Self {
        Self { rules: Arc::clone(rules), needs, memory }
    }

    #[inline]
    pub(crate) fn ended<Response, E>(
        &mut self,
        ticket: &mut Option<Ticket>,
        outcome: Result<Response, E>,
    ) -> Result<M::Response, Error<E>>
    where
        M: Meter<Response>,
        E: HasFault,
    {
        let ticket = ticket.take();
        match outcome {
            Ok(response) => Ok(self.rules.meter.settle(response, ticket.expect(ONCE))),
            Err(error) => Err(Error::Backend(self.failed(ticket.expect(ONCE), error))),
        }
    }

    /// Judges the backend, and then looks whether another one can take the call.
    fn failed<E: HasFault>(&mut self, ticket: Ticket, error: E) -> Failed<E> {
        let (rules, tried) = (&*self.rules, self.memory.take());
        let key = ticket.budget_key();
        let profile = &Profile { budget_key: key.as_deref().unwrap_or_default(), ..self.needs.profile() };
        let fault = error.fault();
        let member = Arc::clone(ticket.member());
        ticket.fail_having_used(&fault, error.used().map(|(input, output)| Usage::new(input, output)));
        let (list, pool) = (rules.backends.list(), rules.backends.pool());
        let now = Moment::now();
        let away = !matches!(member.standing.state(now), State::Up { .. });
        // Whoever does not remember what was tried would be sent here again, unless this backend is set aside now.
        let remembers = tried.is_some() || away;
        // A limiter that has heard the server's word keeps the calls that come after this one, as its gate shows.
        let limits = || member.gate.as_ref().is_some_and(|gate| gate.opens_in(profile).is_some());
        let set_aside = away || (fault.kind == FaultKind::RateLimited && limits());
        let mut tried = tried.unwrap_or_default();
        tried.insert(member.id);
        let view = View::new(&list.members, pool, profile, Some(&tried), now);
        let larger = filter("larger window", |candidate: &Candidate<'_>, _: &Profile<'_>| {
            let window = |tokens: Option<u64>| tokens.unwrap_or(u64::MAX);
            window(candidate.attributes().window()) > window(member.attributes.window)
        });
        let elsewhere = remembers
            && match worth(&fault, rules.around_filters) {
                Elsewhere::Yes => rules.strategy.serves(&view),
                Elsewhere::LargerWindow => view.filtered(&larger, |view| rules.strategy.serves(view)),
                Elsewhere::No | Elsewhere::IfAsked => false,
            };
        Failed { error, member, prospects: Prospects::new(elsewhere, set_aside) }
    }
}

fn worth(fault: &Fault, around_filters: bool) -> Elsewhere {
    match worth_falling_back(fault) {
        Elsewhere::IfAsked if around_filters => Elsewhere::Yes,
        worth => worth,
    }
}
