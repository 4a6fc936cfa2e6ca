//! The operators, driven through their public face: tables of scripts, and models that know nothing of batches.

mod aggregates;
mod harness;
mod model;
mod watermarks;
mod windows;
