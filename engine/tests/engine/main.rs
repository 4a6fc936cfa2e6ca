//! The operators, driven through their public face: tables of scripts, and models that know nothing of batches.

mod harness;
mod model;
mod watermarks;
mod windows;
