//! End-to-end tests: what a person can do to a cluster, and what must come out all the same.
//!
//! One test binary, so that one Kafka broker serves them all; run it with `--test-threads=1`, each test wants the machine. `harness` tests
//! the tests' own parts and needs no engine.

mod backpressure;
mod bad_input;
mod broker_away;
mod command_line;
mod daemons_killed;
mod device_temperature;
mod disk_full;
mod harness;
mod hostile_bytes;
mod kafka_tables;
mod kill_points;
mod operators_killed;
mod reference_job;
mod safety;
mod short_breaks;
mod sql_client;
mod strangers;
mod upsert_tables;
mod zombie;
