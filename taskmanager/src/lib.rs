//! The TaskManager: slots, tasks, the exchange between them, and their checkpoints.
//!
//! A daemon as a library: [`run`] lives until shutdown, keeps nothing outside itself, and may be started several times in one process.
//! It is its stream to the JobManager (`service`): commands down, events up. A task is a thread (`task`); rows go between tasks through
//! bounded channels (`shuffle`).

pub mod config;
pub mod error;
pub mod lease;
pub mod service;
pub mod shuffle;
pub mod slots;
pub mod task;

mod connect;
mod host;
mod prometheus;
mod roster;

pub use config::TaskManagerConfig;
pub use error::TaskManagerError;
pub use service::run;
