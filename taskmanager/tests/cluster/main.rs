//! TaskManagers under a JobManager that is only a stream: whole jobs over real gRPC on loopback, in one process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests are tests")]

mod checkpoints;
mod exchange;
mod files;
mod jobmanager;
mod jobs;
mod liveness;
