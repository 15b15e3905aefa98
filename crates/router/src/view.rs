use std::{fmt, sync::Arc};

use mainstay_fault::Tried;

use crate::{
    Candidate, Cause, Ineligible, Profile,
    member::{Member, Pool},
    moment::Moment,
    strategy::Filter,
    word::State,
};

/// The backends as one call sees them: what a strategy chooses from.
#[derive(Clone, Copy)]
pub struct View<'a> {
    members: &'a [Arc<Member>],
    pool: &'a Pool,
    profile: &'a Profile<'a>,
    tried: Option<&'a Tried>,
    now: Moment,
    last_resort: bool,
    /// Whether a last resort is taken even if it is broken.
    forces: bool,
    narrow: Option<&'a Narrow<'a>>,
}

/// A filter, and those around it.
struct Narrow<'a> {
    filter: &'a dyn Filter,
    outer: Option<&'a Self>,
}

// === impl View ===

impl<'a> View<'a> {
    pub(crate) const fn new(
        members: &'a [Arc<Member>],
        pool: &'a Pool,
        profile: &'a Profile<'a>,
        tried: Option<&'a Tried>,
        now: Moment,
    ) -> Self {
        Self { members, pool, profile, tried, now, last_resort: false, forces: true, narrow: None }
    }

    /// How many backends there are, eligible or not: they have the indices below it.
    pub const fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// What is known of the request.
    pub const fn profile(&self) -> &'a Profile<'a> {
        self.profile
    }

    /// The backend at an index.
    pub fn get(&self, index: usize) -> Option<Candidate<'a>> {
        self.members.get(index).map(|member| Candidate { member, now: self.now })
    }

    /// The backend at an index, if it can take the call.
    pub fn eligible(&self, index: usize) -> Option<Candidate<'a>> {
        self.get(index).filter(|candidate| self.takes_all(candidate) || self.check(*candidate).is_ok())
    }

    /// All backends that can take the call, with their indices.
    pub fn all_eligible(&self) -> impl Iterator<Item = (usize, Candidate<'a>)> + '_ {
        (0..self.len()).filter_map(|index| Some((index, self.eligible(index)?)))
    }

    /// Why a backend cannot take the call, if it cannot.
    pub fn ineligible(&self, index: usize) -> Option<Ineligible> {
        self.check(self.get(index)?).err()
    }

    /// Whether a backend cannot take the call at the moment, but will be able to.
    pub(crate) fn is_away_for_now(&self, index: usize) -> bool {
        self.ineligible(index).is_some_and(|why| why.passes())
    }

    /// Shows only the backends that a filter lets through.
    pub fn filtered<T>(&self, filter: &dyn Filter, look: impl FnOnce(&View<'_>) -> T) -> T {
        let narrow = Narrow { filter, outer: self.narrow };
        look(&View { narrow: Some(&narrow), ..*self })
    }

    pub(crate) const fn as_last_resort(&self, forces: bool) -> Self {
        Self { last_resort: true, forces, ..*self }
    }

    pub(crate) const fn is_last_resort(&self) -> bool {
        self.last_resort
    }

    pub(crate) fn member(&self, index: usize) -> Option<&'a Arc<Member>> {
        self.members.get(index)
    }

    pub(crate) const fn pool(&self) -> &'a Pool {
        self.pool
    }

    pub(crate) const fn now(&self) -> Moment {
        self.now
    }

    pub(crate) fn nothing_tried(&self) -> bool {
        self.tried.is_none_or(Tried::is_empty)
    }

    /// Whether it is plain that a backend can take the call: most are up, and nothing is asked of them that they might not do. Quick to
    /// tell, and never true where [`check`](Self::check) finds a reason.
    #[inline]
    fn takes_all(&self, candidate: &Candidate<'_>) -> bool {
        let Member { attributes, gate, standing, .. } = candidate.member;
        let asks = !self.profile.needs.is_empty() || self.narrow.is_some() || self.tried.is_some();
        let may_refuse = gate.is_some() || attributes.window.is_some();
        !asks && !may_refuse && standing.is_clean() && candidate.member.weight() > 0.0
    }

    fn check(&self, candidate: Candidate<'_>) -> Result<(), Ineligible> {
        let member = candidate.member;
        if member.weight() <= 0.0 {
            return Err(Ineligible::Drained);
        }
        if self.tried.is_some_and(|tried| tried.contains(member.id)) {
            return Err(Ineligible::Tried);
        }
        self.check_standing(member)?;
        self.check_fit(member)?;
        let mut narrow = self.narrow;
        while let Some(Narrow { filter, outer }) = narrow {
            if !filter.admits(&candidate, self.profile) {
                return Err(Ineligible::Filtered(filter.name()));
            }
            narrow = *outer;
        }
        Ok(())
    }

    /// The last backend left is still tried when it is its breaker that is open: not when it said when to come again.
    fn check_standing(&self, member: &Member) -> Result<(), Ineligible> {
        match member.standing.state(self.now) {
            State::Away { cause: Cause::Broken, .. } if self.last_resort && self.forces => Ok(()),
            State::Away { cause, until, .. } if until > self.now => {
                Err(Ineligible::SetAside(cause, until.since(self.now)))
            }
            State::Away { cause, .. } if member.standing.is_probed() => Err(Ineligible::Probing(cause)),
            State::Up { .. } | State::Away { .. } => Ok(()),
        }
    }

    fn check_fit(&self, member: &Member) -> Result<(), Ineligible> {
        let lacks = self.profile.needs - member.attributes.can;
        if !lacks.is_empty() {
            return Err(Ineligible::Lacks(lacks));
        }
        let needs = self.profile.input_tokens.saturating_add(self.profile.output_tokens);
        if let Some(has) = member.attributes.window
            && needs > has
        {
            return Err(Ineligible::Window { needs, has });
        }
        if let Some(gate) = &member.gate
            && let Some(opens_in) = gate.opens_in(self.profile)
            && !(self.last_resort && gate.queues())
        {
            return Err(Ineligible::Gate(opens_in));
        }
        Ok(())
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries((0..self.len()).filter_map(|index| self.get(index))).finish()
    }
}
