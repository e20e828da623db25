//! See `testing::parsers::callback`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testing::parsers::callback(bytes));
