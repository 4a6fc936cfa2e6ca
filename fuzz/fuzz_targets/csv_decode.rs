//! Any bytes as CSV records, under options that the first byte picks.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, text)) = bytes.split_first() {
        irmak_connectors::probe::csv(text, *choice).expect("what must hold of any bytes");
    }
});
