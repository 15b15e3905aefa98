use std::{collections::BTreeMap, sync::Arc};

/// Which calls are about the same.
///
/// A tree that sees whole groups or nothing of them learns what holds from group to group, which is what helps with prompts about
/// something else.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    /// The calls of each.
    members: Vec<Vec<u32>>,
}

/// With fewer groups, half of them say too little about the others: each call stands alone.
const FEWEST: usize = 8;

// === impl Groups ===

impl Groups {
    /// Groups calls by the names of their groups. A call without one stands alone.
    pub(crate) fn new(names: &[Option<Arc<str>>]) -> Self {
        let mut together: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        let mut alone = Vec::new();
        for (call, name) in (0..).zip(names) {
            match name {
                Some(name) => together.entry(name).or_default().push(call),
                None => alone.push(call),
            }
        }
        if together.len() < FEWEST {
            return Self::alone(names.len());
        }
        Self { members: together.into_values().chain(alone.into_iter().map(|call| vec![call])).collect() }
    }

    /// So many calls of which each stands alone.
    pub(crate) fn alone(calls: usize) -> Self {
        Self { members: (0..).take(calls).map(|call| vec![call]).collect() }
    }

    /// The calls of each group.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.members.iter().map(Vec::as_slice)
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// The calls of a group.
    pub(crate) fn members(&self, group: u32) -> &[u32] {
        self.members.get(group as usize).map_or(&[], |members| members)
    }
}
