//! See `testing::parsers::row_reader`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| testing::parsers::row_reader(bytes));
