//! What both daemons share: configuration, the one place that starts tasks and threads, the clock, checkpoint storage, telemetry
//! and shutdown.
//!
//! Knows nothing of jobs: no gRPC, no broker, no operator.

pub mod address;
pub mod clock;
pub mod config;
pub mod roots;
pub mod shutdown;
pub mod state_codec;
pub mod storage;
pub mod tasks;
pub mod telemetry;

mod kill_point;

pub use kill_point::kill_point;
