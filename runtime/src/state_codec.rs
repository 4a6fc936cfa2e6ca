//! How a subtask's operator states become the bytes of one object, and back.
//!
//! Layout, little endian: magic `IRMS`, version u32, operators u32; per operator: id u32, keyed entries u32, (group u16, length u64,
//! bytes)*, union entries u32, (length u64, bytes)*. Knows nothing of what the bytes mean.

use std::collections::BTreeMap;

use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::key_group::KeyGroup;

const MAGIC: &[u8; 4] = b"IRMS";
const VERSION: u32 = 1;

/// Bytes that are not a state of this version.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Something else, or damaged.
    #[error("the state is damaged: {0}")]
    Damaged(&'static str),
    /// Written by another release.
    #[error("the state has format version {0}; this release reads version {VERSION}")]
    Version(u32),
}

/// (operator number, its state) of one subtask.
pub type OperatorStates = Vec<(u32, OperatorSnapshot)>;

/// The bytes of these states.
pub fn encode(states: &[(u32, OperatorSnapshot)]) -> Vec<u8> {
    let size: u64 = states.iter().map(|(_, state)| state.size() + 64).sum();
    let mut out = Vec::with_capacity(size as usize);
    out.extend_from_slice(MAGIC);
    put_u32(&mut out, VERSION);
    put_u32(&mut out, states.len() as u32);
    for (id, state) in states {
        put_u32(&mut out, *id);
        put_u32(&mut out, state.keyed.len() as u32);
        for (group, bytes) in &state.keyed {
            out.extend_from_slice(&group.0.to_le_bytes());
            put_bytes(&mut out, bytes);
        }
        put_u32(&mut out, state.union.len() as u32);
        state.union.iter().for_each(|bytes| put_bytes(&mut out, bytes));
    }
    out
}

/// The states in these bytes.
///
/// # Errors
/// When the bytes are no state, are damaged, or of another version.
pub fn decode(bytes: &[u8]) -> Result<OperatorStates, StateError> {
    let mut input = Input(bytes);
    if input.take(4)? != MAGIC {
        return Err(StateError::Damaged("it does not begin as a state does"));
    }
    match input.u32()? {
        VERSION => {}
        other => return Err(StateError::Version(other)),
    }
    let operators = input.u32()?;
    let mut states = Vec::new();
    for _ in 0..operators {
        let id = input.u32()?;
        let mut keyed = BTreeMap::new();
        for _ in 0..input.u32()? {
            let group = KeyGroup(input.u16()?);
            keyed.insert(group, input.bytes()?);
        }
        let mut union = Vec::new();
        for _ in 0..input.u32()? {
            union.push(input.bytes()?);
        }
        states.push((id, OperatorSnapshot { keyed, union }));
    }
    if input.0.is_empty() { Ok(states) } else { Err(StateError::Damaged("bytes follow its end")) }
}

fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], StateError> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(StateError::Damaged("it ends early"))?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StateError> {
        self.take(N)?.try_into().map_err(|_| StateError::Damaged("it ends early"))
    }

    fn u16(&mut self) -> Result<u16, StateError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, StateError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn bytes(&mut self) -> Result<Vec<u8>, StateError> {
        let length = u64::from_le_bytes(self.array()?);
        let length = usize::try_from(length).map_err(|_| StateError::Damaged("a length is impossible"))?;
        Ok(self.take(length)?.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn states() -> impl Strategy<Value = OperatorStates> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..40);
        let keyed = prop::collection::btree_map(any::<u16>().prop_map(KeyGroup), bytes(), 0..6);
        let one = (keyed, prop::collection::vec(bytes(), 0..4)).prop_map(|(keyed, union)| OperatorSnapshot { keyed, union });
        prop::collection::vec((any::<u32>(), one), 0..4)
    }

    proptest! {
        #[test]
        fn a_state_survives_its_bytes(states in states()) {
            prop_assert_eq!(decode(&encode(&states)), Ok(states));
        }

        #[test]
        fn a_state_cut_short_is_refused(states in states(), cut in 1..12usize) {
            let bytes = encode(&states);
            prop_assert!(decode(&bytes[..bytes.len() - cut.min(bytes.len())]).is_err());
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
