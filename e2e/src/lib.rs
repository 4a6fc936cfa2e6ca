//! The harness of the end-to-end tests: real processes, a real Kafka broker, and an expectation that the engine had no part in.
//!
//! A test says what happens to a cluster (`cluster`, `kafka`, `produce`), waits for what it can see from outside (`client`, `wait`),
//! and compares every visible output file with rows computed here (`listings`, `expect`, `compare`). Nothing here uses a crate of the
//! engine: a mistake made there cannot hide here.
//!
//! Linux only: processes are tied to the test by the kernel (`process`).

pub mod browser;
pub mod client;
pub mod cluster;
pub mod compare;
pub mod disk;
pub mod expect;
pub mod http;
pub mod kafka;
pub mod listings;
pub mod places;
pub mod ports;
pub mod process;
pub mod produce;
pub mod random;
pub mod scenario;
pub mod script;
pub mod terminal;
pub mod wait;
