//! See `testing::parsers::identifier`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testing::parsers::identifier(bytes));
