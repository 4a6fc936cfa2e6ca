//! The `kafka` connector: topics as tables, over librdkafka.
//!
//! A split is a partition; who reads it is a pure function of topic, partition and parallelism. Partitions are found while running,
//! positions live in checkpoints, and a broker that cannot be reached is waited for, never an error.

mod alignment;
mod assignment;
mod client;
mod config;
mod discovery;
mod entry;
mod health;
mod key_reader;
mod log;
mod looking;
mod metadata;
mod offsets;
mod partition;
mod produce;
mod properties;
mod reader;
mod route;
mod sasl;
mod sink;
mod sink_config;
#[cfg(test)]
mod sink_tests;
mod source;
#[cfg(test)]
mod source_tests;
mod split;
#[cfg(test)]
mod tests;
mod tombstones;
mod trouble;
mod written_metadata;

pub(crate) use sink::KafkaSink;
pub(crate) use source::KafkaSource;
