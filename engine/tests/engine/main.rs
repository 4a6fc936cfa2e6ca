//! The operators, driven through their public face: tables of scripts, and models that know nothing of batches.

// Clippy knows tests by their attribute, and these are helpers of tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aggregates;
mod allocations;
mod batch_mode;
mod changelogs;
mod clock_windows;
mod harness;
mod joins;
mod matches;
mod model;
mod ordered;
mod rows;
mod speed;
mod state_ttl;
mod watermarks;
mod window_changes;
mod windows;
