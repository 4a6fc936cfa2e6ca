//! Any text: read as a script, refused or not, never more.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(error) = irmak_planner::read("fuzz.sql", text) {
        // An error must be able to say itself, whatever its place; a type that does not exist is found here too.
        assert!(error.to_string().starts_with("error[E0"), "{error}");
    }
});
