//! Backends that do as they are told.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use mainstay_fault::{Fault, FaultKind};
use mainstay_router::{Backend, Backends, Error, Snapshot};
use tower::{Service, util::BoxCloneSyncService};

/// The latency and the outcome of the calls to a backend, to be changed at any time; and how many there were.
#[derive(Clone, Debug)]
pub(crate) struct Knob {
    plan: Arc<Mutex<(Duration, Result<(), Fault>)>>,
    calls: Arc<AtomicUsize>,
}

pub(crate) type Answers = BoxCloneSyncService<u32, u32, Fault>;

// === impl Knob ===

impl Knob {
    pub(crate) fn new(latency_ms: u64) -> Self {
        let plan = (Duration::from_millis(latency_ms), Ok(()));
        Self { plan: Arc::new(Mutex::new(plan)), calls: Arc::default() }
    }

    pub(crate) fn fail(&self, fault: impl Into<Fault>) {
        self.plan.lock().unwrap().1 = Err(fault.into());
    }

    pub(crate) fn mend(&self) {
        self.plan.lock().unwrap().1 = Ok(());
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Relaxed)
    }

    pub(crate) fn service(&self) -> Answers {
        let knob = self.clone();
        BoxCloneSyncService::new(tower::service_fn(move |request: u32| -> BoxFuture<'static, _> {
            knob.calls.fetch_add(1, Relaxed);
            let (latency, outcome) = *knob.plan.lock().unwrap();
            Box::pin(async move {
                tokio::time::sleep(latency).await;
                outcome.map(|()| request)
            })
        }))
    }

    pub(crate) fn backend(&self, name: &str) -> Backend<Answers> {
        Backend::new(name, self.service())
    }
}

/// Backends with such latencies, and their knobs.
pub(crate) fn backends(latencies_ms: &[u64]) -> (Backends<Answers>, Vec<Knob>) {
    let knobs: Vec<_> = latencies_ms.iter().map(|ms| Knob::new(*ms)).collect();
    let named = knobs.iter().zip('a'..).map(|(knob, name)| knob.backend(&name.to_string()));
    (Backends::new(named).unwrap(), knobs)
}

pub(crate) async fn call<S, R>(service: &mut S, request: R) -> Result<S::Response, S::Error>
where
    S: Service<R>,
{
    std::future::poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}

/// Makes calls at a steady pace, each in a task of its own, and waits for all: how many went well.
pub(crate) async fn drive<S>(service: &S, calls: u32, pace: Duration) -> usize
where
    S: Service<u32, Response = u32, Error = Error<Fault>> + Clone + Send + 'static,
    S::Future: Send,
{
    let mut tasks = tokio::task::JoinSet::new();
    for request in 0..calls {
        let mut service = service.clone();
        tasks.spawn(async move { call(&mut service, request).await });
        tokio::time::sleep(pace).await;
    }
    tasks.join_all().await.into_iter().flatten().count()
}

pub(crate) fn named(snapshots: &[Snapshot], name: &str) -> Snapshot {
    snapshots.iter().find(|snapshot| &*snapshot.name == name).unwrap().clone()
}

pub(crate) fn down() -> Fault {
    FaultKind::Unavailable.into()
}
