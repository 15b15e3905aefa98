use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::{ArcSwap, Guard};
use mainstay_fault::BackendId;
use thiserror::Error;

use crate::{
    Backend, Health, Invalid, Snapshot,
    backend::valid_weight,
    member::{Member, Pool},
    moment::Moment,
};

/// A set of backends, which may change while calls are in flight.
///
/// Calls read it without a lock. A backend that is removed takes no new calls, and finishes those that it has. A backend keeps its
/// [`BackendId`] as long as it is in the set; the numbers of those that have left are used again last.
///
/// # Clone
///
/// Clones are the same set.
///
/// # Examples
///
/// ```
/// use mainstay_router::{Backend, Backends};
///
/// let backends = Backends::new([Backend::new("one", "a service"), Backend::new("two", "another")])?;
/// let third = backends.add(Backend::new("three", "a third"))?;
/// backends.set_weight(third, 0.5)?;
/// assert!(backends.remove(third));
/// assert_eq!(backends.len(), 2);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Backends<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    list: ArcSwap<List<S>>,
    pool: Arc<Pool>,
    /// The number for the next backend; whoever changes the list holds it.
    next: Mutex<u16>,
}

/// The members and their services, in the same order.
pub(crate) struct List<S> {
    pub(crate) members: Vec<Arc<Member>>,
    pub(crate) services: Vec<S>,
}

/// The set has 65,536 backends: there is no number for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the set of backends is full")]
pub struct TooManyBackends;

// === impl Backends ===

impl<S> Backends<S> {
    /// Creates a set with the default [`Health`].
    ///
    /// # Errors
    ///
    /// There are more than 65,536.
    pub fn new(backends: impl IntoIterator<Item = Backend<S>>) -> Result<Self, TooManyBackends>
    where
        S: Clone,
    {
        let set = Self::with_health(Health::default());
        backends.into_iter().try_for_each(|backend| set.add(backend).map(drop))?;
        Ok(set)
    }

    /// Creates an empty set.
    pub fn with_health(health: Health) -> Self {
        let list = ArcSwap::from_pointee(List { members: Vec::new(), services: Vec::new() });
        let shared = Shared { list, pool: Arc::new(Pool::new(health)), next: Mutex::new(0) };
        Self { shared: Arc::new(shared) }
    }

    /// Adds a backend, and numbers it.
    ///
    /// # Errors
    ///
    /// The set is full.
    pub fn add(&self, backend: Backend<S>) -> Result<BackendId, TooManyBackends>
    where
        S: Clone,
    {
        let Backend { service, attributes, weight, gate, standing } = backend;
        let mut next = self.shared.next.lock().unwrap_or_else(PoisonError::into_inner);
        let list = self.list();
        let taken = |id: u16| list.members.iter().any(|member| member.id == BackendId(id));
        let id = (0..=u16::MAX).map(|step| next.wrapping_add(step)).find(|id| !taken(*id));
        let id = id.ok_or(TooManyBackends)?;
        *next = id.wrapping_add(1);
        let pool = Arc::clone(&self.shared.pool);
        let member = Arc::new(Member::new(BackendId(id), attributes, weight, gate, standing, pool));
        let members = list.members.iter().cloned().chain([member]).collect();
        let services = list.services.iter().cloned().chain([service]).collect();
        self.shared.list.store(Arc::new(List { members, services }));
        Ok(BackendId(id))
    }

    /// Removes a backend; the calls that it has go on. Tells whether it was there.
    pub fn remove(&self, id: BackendId) -> bool
    where
        S: Clone,
    {
        let _changing = self.shared.next.lock().unwrap_or_else(PoisonError::into_inner);
        let list = self.list();
        let (members, services) = list
            .members
            .iter()
            .zip(&list.services)
            .filter(|(member, _)| member.id != id)
            .map(|(member, service)| (Arc::clone(member), service.clone()))
            .unzip();
        let list = List { members, services };
        let removed = list.members.len() < self.len();
        self.shared.list.store(Arc::new(list));
        removed
    }

    /// Sets a backend's share beside the others; with 0 it takes no new calls. Tells whether it is there.
    ///
    /// # Errors
    ///
    /// The weight is negative, infinite or not a number.
    pub fn set_weight(&self, id: BackendId, weight: f64) -> Result<bool, Invalid> {
        let weight = valid_weight(weight)?;
        let list = self.list();
        let member = list.members.iter().find(|member| member.id == id);
        Ok(member.map(|member| member.set_weight(weight)).is_some())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list().members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How each of them does at the moment, for people and metrics.
    pub fn snapshot(&self) -> Vec<Snapshot> {
        self.list().snapshot()
    }

    /// The list and what its members have in common for good, if this is the only handle: from here on there is none.
    pub(crate) fn fix(mut self) -> Result<(Arc<List<S>>, Arc<Pool>), Self> {
        match Arc::get_mut(&mut self.shared) {
            Some(shared) => Ok((shared.list.load_full(), Arc::clone(&shared.pool))),
            None => Err(self),
        }
    }

    pub(crate) fn list(&self) -> Guard<Arc<List<S>>> {
        self.shared.list.load()
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.shared.pool
    }
}

impl<S> Clone for Backends<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S> fmt::Debug for Backends<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list().fmt(f)
    }
}

// === impl List ===

impl<S> List<S> {
    pub(crate) fn snapshot(&self) -> Vec<Snapshot> {
        let now = Moment::now();
        self.members.iter().map(|member| Snapshot::of(member, now)).collect()
    }
}

impl<S> fmt::Debug for List<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.members.iter().map(|member| member.attributes.name())).finish()
    }
}
