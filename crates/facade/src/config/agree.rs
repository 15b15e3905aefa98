//! The limits of one model on one backend, which several routes may say.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{
    Config, RouteConfig, ServedConfig,
    spot::{Invalid, Spot},
};
use crate::kept::Numbers;

/// By the backend, and the model's name there.
type ByPlace<'c> = BTreeMap<(&'c str, &'c str), Numbers>;

// === impl Config ===

impl Config {
    /// The limits of each model on each backend. Where they are said more than once, they hold together.
    pub(crate) fn numbers(&self) -> ByPlace<'_> {
        let mut numbers = ByPlace::new();
        // Those that do not agree were refused.
        let _ = self.gather(&mut numbers);
        numbers
    }

    /// Looks for limits that are said twice, and differently: a provider has one of them only.
    pub(super) fn check_agreement(&self) -> Result<(), Invalid> {
        self.gather(&mut ByPlace::new())
    }

    fn gather<'c>(&'c self, numbers: &mut ByPlace<'c>) -> Result<(), Invalid> {
        for (spot, (on, model), served) in self.places() {
            let known = match numbers.entry((on, model)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(Numbers::default()),
            };
            *known = known.merged(served).map_err(|(field, said, known)| {
                let why = format!("is {said}, and elsewhere {known}: {model:?} on {on:?} has one such limit");
                spot.key(field).invalid(why)
            })?;
        }
        Ok(())
    }

    fn places(&self) -> impl Iterator<Item = (Spot, (&str, &str), &ServedConfig)> {
        self.routes.iter().flat_map(|(name, route)| {
            let spot = Spot::default().key("routes").key(name).key("tiers");
            places_of(route).map(move |(tier, at, served)| {
                (spot.index(tier).key("models").index(at), (served.on.as_str(), served.named(name)), served)
            })
        })
    }
}

fn places_of(route: &RouteConfig) -> impl Iterator<Item = (usize, usize, &ServedConfig)> {
    let tiers = route.tiers.iter().enumerate();
    tiers.flat_map(|(tier, config)| {
        config.models.iter().enumerate().map(move |(at, served)| (tier, at, served))
    })
}
