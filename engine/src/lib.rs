//! The operators and their keyed state: synchronous machines without clock, thread or I/O.
//!
//! A task feeds an operator with elements and takes what it returns; time arrives as an argument. So an operator is tested with a
//! table of inputs and outputs, and a seed replays a failure.

pub mod error;
pub mod key;
pub mod operator;

pub use error::EngineError;
