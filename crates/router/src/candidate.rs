use std::fmt;

use mainstay_fault::BackendId;

use crate::{Attributes, Profile, member::Member, moment::Moment, word::State};

/// One backend, as a strategy sees it.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    pub(crate) member: &'a Member,
    pub(crate) now: Moment,
}

// === impl Candidate ===

impl<'a> Candidate<'a> {
    /// Its number.
    pub const fn id(&self) -> BackendId {
        self.member.id
    }

    /// What does not change about it.
    pub const fn attributes(&self) -> &'a Attributes {
        &self.member.attributes
    }

    /// Its weight.
    pub fn weight(&self) -> f64 {
        self.member.weight()
    }

    /// The calls that it has.
    pub fn in_flight(&self) -> u32 {
        self.member.standing.in_flight()
    }

    /// The latency to the first token, as estimated now, in seconds.
    pub fn first_token(&self) -> f64 {
        self.member.first_token(self.now).into()
    }

    /// The latency to the end, as estimated now, in seconds.
    pub fn to_the_end(&self) -> f64 {
        self.member.to_the_end(self.now).into()
    }

    /// The share of its calls that failed of late.
    pub fn failure_ratio(&self) -> f64 {
        self.member.standing.seen(self.now).failures()
    }

    /// How much of its traffic it has got back since it was set aside: from a tenth to 1.
    pub fn share(&self) -> f64 {
        self.member.standing.share(self.now)
    }

    /// Whether the next call to it would be its probe.
    pub fn wants_probe(&self) -> bool {
        let standing = &self.member.standing;
        matches!(standing.state(self.now), State::Away { until, .. } if until <= self.now)
    }

    /// What the call costs in the worst case, in dollars, if the price is known.
    pub fn worst_cost(&self, profile: &Profile<'_>) -> Option<f64> {
        let attributes = self.attributes();
        attributes.price.map(|price| price.cost(attributes.worst_case(profile)))
    }

    /// What is to be waited for: a latency for each call that it would have, more where calls fail or it has just come back.
    pub(crate) fn load(&self, latency: f64) -> f64 {
        let load = latency * (f64::from(self.in_flight()) + 1.0);
        let standing = &self.member.standing;
        if standing.is_spotless() {
            return load;
        }
        let seen = standing.seen(self.now);
        let failing = (seen.calls() + 1.0) / (seen.good + 1.0);
        load * failing / self.share()
    }
}

impl fmt::Debug for Candidate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.attributes().name())
    }
}
