//! Any text as a job spec, in YAML and in JSON.

#![no_main]

use std::collections::BTreeMap;

use irmak_planner::{Format, Request, plan};

libfuzzer_sys::fuzz_target!(|text: &str| {
    for format in [Format::Yaml, Format::Json] {
        if let Err(error) = plan(&Request { file: "fuzz", text, format, configuration: &BTreeMap::new() }) {
            assert!(error.to_string().starts_with("error[E0"), "{error}");
        }
    }
});
