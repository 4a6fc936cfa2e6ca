//! TaskManagers under a JobManager that is only a stream: whole jobs over real gRPC on loopback, in one process.

mod checkpoints;
mod exchange;
mod files;
mod jobmanager;
mod jobs;
mod liveness;
