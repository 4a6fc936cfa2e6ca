//! Metadata columns of files: which there are, and what they hold.
//!
//! Source: Flink 1.20's `FileSystemTableSource.ReadableFileInfo`.

use irmak_common::operator_spec::SourceSpec;
use irmak_common::types::TypeKind;

use crate::error::ConnectorError;
use crate::options::Options;

/// The keys of the table's metadata columns, once their types are judged.
pub(super) fn metadata(options: &Options<'_>, spec: &SourceSpec) -> Result<Vec<String>, ConnectorError> {
    let fits = |key: &str, kind: &TypeKind| match key {
        "file.path" | "file.name" => matches!(kind, TypeKind::Varchar(_) | TypeKind::Char(_)),
        "file.size" => *kind == TypeKind::BigInt,
        "file.modification-time" => {
            matches!(kind, TypeKind::TimestampLtz { precision: 0..=3, .. } | TypeKind::Timestamp { precision: 0..=3, .. })
        }
        _ => false,
    };
    for (key, ty) in &spec.metadata {
        if !fits(key, &ty.kind) {
            let known = "there are file.path and file.name (STRING), file.size (BIGINT), file.modification-time (TIMESTAMP_LTZ(3))";
            return Err(options.unsupported(format!("metadata column '{key}' of type {ty}"), known));
        }
    }
    Ok(spec.metadata.iter().map(|(key, _)| key.clone()).collect())
}
