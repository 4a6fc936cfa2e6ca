//! The wire: generated messages and services, and their conversions to and from `common`.
//!
//! Plans, task descriptors, snapshots and metrics travel as the JSON of their `common` type inside a protobuf field: one
//! representation serves the wire, the journal and the manifests, and its round trip is tested once.

pub mod convert;

/// Generated from `proto/*.proto`.
#[allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]
pub mod v1 {
    tonic::include_proto!("irmak.v1");
}
