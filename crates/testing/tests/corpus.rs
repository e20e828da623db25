//! The fuzz corpus, replayed: what once was worth keeping is read without a panic, and so is everything near it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop, and say where")]

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::path::Path;
use testing::parsers;

/// Each file of a target's corpus, and thousands of files like it: cut, doubled, with bytes changed, put together.
fn replay(target: &str, least: usize, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= least, "{} files in {}", files.len(), folder.display());
    let seeds: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    let each = if std::env::var_os("ASCRIBE_DEEP").is_some() { 5_000 } else { 100 };
    let mut random = StdRng::seed_from_u64(20_261_125);
    for seed in &seeds {
        run(seed);
        for _ in 0..each {
            run(&like(seed, &seeds, &mut random));
        }
    }
}

fn like(seed: &[u8], seeds: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.random()),
            2 => {
                let odd = b"\"',;\t\n\r\0=-+89F\xff\xef\xbb\xbf";
                bytes.insert(at, odd[random.random_range(0..odd.len())]);
            }
            3 => {
                let other = &seeds[random.random_range(0..seeds.len())];
                let tail = bytes.split_off(at);
                bytes.extend_from_slice(&other[random.random_range(0..=other.len())..]);
                bytes.extend(tail);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.random();
                }
            }
        }
    }
    bytes
}

#[test]
fn cells() {
    replay("identifier", 20, parsers::identifier);
}

#[test]
fn files() {
    replay("row_reader", 15, parsers::row_reader);
}

#[test]
fn callbacks() {
    replay("callback", 8, parsers::callback);
}

#[test]
fn requests() {
    replay("request", 10, parsers::request);
}
