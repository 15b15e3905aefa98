//! Any bytes as the body of a stream.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| mainstay_openai_client::fuzzing::stream(bytes));
