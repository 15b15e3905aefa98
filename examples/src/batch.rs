//! Thousands of prompts from a file, at the provider's limits, to be killed and begun again at any moment.
//!
//! What was answered is on the disk before it is counted as done, and is never asked again. What was under way when the process
//! died is asked again under the same key: a server that honours idempotency keys gives the same answer, and bills it once.

mod line;
mod results;
mod run;

pub use line::{Line, read_lines};
pub use results::{Answered, Results};
pub use run::{Summary, run};
