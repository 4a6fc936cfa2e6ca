//! The exchange of rows between tasks: who gets which row (`partition`), the wire's form (`frame`), the producer's end (`send`), the
//! consumer's end (`receive`), and which consumers there are here (`registry`).
//!
//! A channel goes from one gate of a producing subtask to one consuming subtask. Within a TaskManager it is a queue; between two it is
//! a gRPC stream whose flow control is the credit.

pub mod frame;
pub mod partition;
pub mod receive;
pub mod registry;
pub mod send;
