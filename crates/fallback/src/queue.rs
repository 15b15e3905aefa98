//! A queue for people: what no tier could answer is kept, with what was tried, until somebody has seen to it.
//!
//! [`JsonlQueue`] keeps it in a file that survives a crash of the process and of the machine. Any other place is a [`Sink`].
//!
//! # Examples
//!
//! ```
//! use mainstay_fallback::{Degradation, Fallback, Tier, queue::{JsonlQueue, QueueTier, Queued, item}};
//! use mainstay_fault::{Fault, FaultKind};
//! use tower::{ServiceExt, service_fn};
//!
//! #[derive(Debug, PartialEq)]
//! enum Reply { Text(String), ByPeople(String) }
//!
//! impl From<Queued> for Reply {
//!     fn from(queued: Queued) -> Self { Self::ByPeople(queued.id) }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("people.jsonl");
//! let queue = JsonlQueue::<String>::open(&path)?;
//!
//! let model = service_fn(|_: String| async { Err::<Reply, _>(Fault::from(FaultKind::Overloaded)) });
//! let people = Tier::local("people", QueueTier::new(queue.clone()))
//!     .map_request(item("no model"))
//!     .degraded(Degradation::Queued);
//! let answer = Fallback::first("model", model).then(people).oneshot("Where is my parcel?".to_owned()).await?;
//! assert!(matches!(*answer, Reply::ByPeople(_)));
//!
//! // Later, somebody sees to it.
//! let drained = queue.drain(async |entry| {
//!     assert_eq!(entry.request, "Where is my parcel?");
//!     assert_eq!(entry.reasons, ["model: overloaded"]);
//!     Ok(())
//! }).await?;
//! assert_eq!((drained.done, drained.left), (1, 0));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod entry;
mod error;
mod file;
mod jsonl;
mod tier;
mod writer;

pub use entry::{Entry, Item, Queued, item};
pub use error::QueueError;
pub use jsonl::{Drained, JsonlQueue, Push};
pub use tier::{QueueTier, Sink};
