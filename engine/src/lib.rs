//! The operators and their keyed state: synchronous machines without clock, thread or I/O.
//!
//! A task feeds an operator with elements and takes what it returns; time arrives as an argument. So an operator is tested with a
//! table of inputs and outputs, and a seed replays a failure.
//!
//! [`build`] makes an operator of a plan's node; [`key::KeyEncoder`] hashes keys for the shuffle as the state does; [`values`] makes a
//! batch of constant rows.

pub mod build;
pub mod error;
pub mod key;
pub mod operator;

mod accumulate;
mod batch;
mod changelog;
mod changelog_normalize;
mod deduplicate;
mod environment;
mod filter;
mod group_aggregate;
mod join;
mod kept_rows;
mod limit;
mod match_recognize;
mod ordered;
mod project;
mod rank;
mod running;
mod set_operation;
mod sink_materializer;
mod state;
mod union;
mod values;
mod watermark;
mod window;
mod zone;

pub use build::build;
pub use environment::OperatorEnvironment;
pub use error::EngineError;
pub use values::values;
