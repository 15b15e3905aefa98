//! Any bytes as the record of a key.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| mainstay_idempotency::fuzzing::record(bytes));
