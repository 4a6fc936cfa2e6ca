//! The vocabulary of Irmak: pure data that every room of the house speaks.
//!
//! Ids, event time, key groups, stream elements, Flink's logical types, expressions, the job graph, what a task is told and
//! what it reports. Knows nothing of threads, sockets, files or brokers; everything here can be printed, compared and stored.

pub mod batch_spec;
pub mod call_spec;
pub mod changelog_spec;
pub mod charset;
pub mod checkpoint;
pub mod cover;
pub mod database;
pub mod duration;
pub mod element;
pub mod error;
pub mod expr;
pub mod format_types;
pub mod hash_order;
pub mod id;
pub mod job_graph;
pub mod job_spec;
pub mod join_spec;
pub mod kafka_fields;
pub mod key_group;
pub mod limits;
pub mod map;
pub mod match_spec;
pub mod metrics;
pub mod operator_spec;
pub mod retry;
pub mod split;
pub mod status;
pub mod table_options;
pub mod task;
pub mod text;
pub mod time;
pub mod types;
pub mod window_spec;
