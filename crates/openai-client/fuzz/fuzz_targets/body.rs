//! Any bytes as a response's body, under any status.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| mainstay_openai_client::fuzzing::body(100 + input.0 % 900, input.1));
