//! The outside world: where rows come from and go to, and the formats they have there.
//!
//! Sources and sinks are driven by a task's thread, one call at a time, and may block for as long as the call says. Begin with
//! [`build::open_source`] and [`build::open_sink`].

pub mod build;
pub mod context;
pub mod error;
pub mod probe;
pub mod sink;
pub mod source;

mod blackhole;
mod datagen;
mod dead_letter;
mod filesystem;
mod format;
mod kafka;
mod options;
mod print;
