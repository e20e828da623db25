//! See `testing::parsers::request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testing::parsers::request(bytes));
