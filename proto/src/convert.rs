//! Between wire messages and `common`'s types. What a peer sent is checked here, once.

use irmak_common::id::{AttemptId, ParseIdError, SubtaskId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::v1;

/// A message that a peer sent and that cannot be meant.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// A required field is absent.
    #[error("the field `{0}` is missing")]
    Missing(&'static str),
    /// An id is none.
    #[error(transparent)]
    Id(#[from] ParseIdError),
    /// A JSON field does not hold its type; most likely the peer has another version.
    #[error("the field `{field}` cannot be read (is the peer of another version?): {source}")]
    Json {
        /// Which.
        field: &'static str,
        /// Why.
        source: serde_json::Error,
    },
}

impl From<AttemptId> for v1::Attempt {
    fn from(id: AttemptId) -> Self {
        Self { job: id.job.to_string(), vertex: id.subtask.vertex.to_string(), subtask: id.subtask.index, attempt: id.attempt }
    }
}

impl TryFrom<&v1::Attempt> for AttemptId {
    type Error = WireError;

    fn try_from(wire: &v1::Attempt) -> Result<Self, WireError> {
        let subtask = SubtaskId { vertex: wire.vertex.parse()?, index: wire.subtask };
        Ok(Self { job: wire.job.parse()?, subtask, attempt: wire.attempt })
    }
}

/// The attempt in a field that must be there.
pub fn attempt(field: &Option<v1::Attempt>) -> Result<AttemptId, WireError> {
    field.as_ref().ok_or(WireError::Missing("attempt"))?.try_into()
}

/// `value` as the JSON of a bytes field.
pub fn to_json<T: Serialize>(field: &'static str, value: &T) -> Result<Vec<u8>, WireError> {
    serde_json::to_vec(value).map_err(|source| WireError::Json { field, source })
}

/// The value in the JSON of a bytes field.
pub fn from_json<T: DeserializeOwned>(field: &'static str, bytes: &[u8]) -> Result<T, WireError> {
    serde_json::from_slice(bytes).map_err(|source| WireError::Json { field, source })
}

#[cfg(test)]
mod tests {
    use irmak_common::id::{JobId, VertexId};

    use super::*;

    #[test]
    fn an_attempt_survives_the_wire() {
        let subtask = SubtaskId { vertex: VertexId::of_text("v"), index: 3 };
        let id = AttemptId { job: JobId::of_text("j"), subtask, attempt: 7 };
        assert_eq!(attempt(&Some(id.into())).unwrap(), id);
    }

    #[test]
    fn a_missing_attempt_is_named() {
        assert_eq!(attempt(&None).unwrap_err().to_string(), "the field `attempt` is missing");
    }
}
