//! Where a sink's primary key is not the rows' own: a SinkMaterializer in front of it works out what each key's row is.
//!
//! `table.exec.sink.upsert-materialize` says when: AUTO where it is needed, NONE never (the last to arrive stays, and what moved to another
//! key is never ended), FORCE always. Source: Flink's `analyzeUpsertMaterializeStrategy`.

use irmak_common::changelog_spec::MaterializeSpec;

use super::is_updating;
use super::upsert_key::{Key, upsert_keys};
use crate::algebra::{Root, Target};

/// `table.exec.sink.upsert-materialize`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Materialize {
    /// Where rows of different keys may follow each other under one key of the sink.
    #[default]
    Auto,
    /// Never.
    None,
    /// In front of every sink that goes by key.
    Force,
}

/// What stands in front of the sink of a query, if anything.
pub(crate) fn materializer(root: &Root, strategy: Materialize, state_ttl_ms: u64) -> Option<MaterializeSpec> {
    let Target::Sink { spec, .. } = &root.target else { return None };
    if spec.connector.connector != "upsert-kafka" || spec.primary_key.is_empty() || strategy == Materialize::None {
        return None;
    }
    let primary: Key = spec.primary_key.iter().copied().collect();
    let keys = upsert_keys(&root.rel);
    let needed = is_updating(&root.rel) && !keys.iter().any(|key| key.is_subset(&primary));
    if !needed && strategy != Materialize::Force {
        return None;
    }
    // The sink's own key where it is one: no old contents come then.
    let least = keys.into_iter().min_by_key(|key| (*key != primary, key.len())).unwrap_or_default();
    Some(MaterializeSpec { keys: spec.primary_key.clone(), upsert_key: least.into_iter().collect(), state_ttl_ms })
}
