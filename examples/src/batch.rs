//! Thousands of prompts from a file, at the provider's limits, to be killed and begun again at any moment.
//!
//! What was answered is on the disk before it is counted as done, and is never asked again.
//!
//! What was under way when the process died may have been answered, and billed, and nobody knows. Each line is therefore claimed on
//! the disk before it is asked ([`claims()`]), so that the next run knows which ones those are. It tells of them, and asks them again
//! only if it is told to ([`Unknown::AskAgain`]), under the same key: a server that honours idempotency keys then gives the same answer and bills
//! it once; at any other they are billed a second time.

mod claims;
mod line;
mod results;
mod run;

pub use claims::{claims, claims_path};
pub use line::{Line, read_lines};
pub use results::{Answered, Results};
pub use run::{Summary, Unknown, run};
