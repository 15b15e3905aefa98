//! What is allocated and not given back, on the one thread that all of it runs on.

use allocation_counter::measure;

/// The bytes by which each quarter of a soak has grown.
#[derive(Debug, Default)]
pub(super) struct Memory {
    quarters: Vec<i64>,
}

/// What stays of a call while all runs: its outcome and text, four entries in the server's books, and for its time the answer that is kept
/// under its key. One request or response more would be seen.
const FOR_A_CALL: i64 = 4_096;
/// What stays when all is over.
const FOR_EVER: i64 = 64 * 1_024;

// === impl Memory ===

impl Memory {
    pub(super) fn quarter(&mut self, work: impl FnOnce()) {
        self.quarters.push(of(work));
    }

    /// Judges what is left at the end, and the growth of the last quarter beside the second: if they are long enough, as answers are kept
    /// for a while.
    pub(super) fn judge(&self, calls: u32, left_behind: i64, is_long: bool) {
        let a_call = self.quarters.iter().map(|bytes| bytes / i64::from(calls)).collect::<Vec<_>>();
        eprintln!("bytes a call, by quarters: {a_call:?}; left behind: {left_behind}");
        assert!(!is_long || a_call[3] <= FOR_A_CALL, "{a_call:?} bytes a call");
        assert!(
            !is_long || a_call[3] <= a_call[1] + FOR_A_CALL / 4,
            "what a call leaves grows: {a_call:?} bytes"
        );
        assert!(left_behind <= FOR_EVER, "{left_behind} bytes are left behind");
    }
}

/// The bytes that are allocated in some work and not given back.
pub(super) fn of(work: impl FnOnce()) -> i64 {
    measure(work).bytes_current
}
