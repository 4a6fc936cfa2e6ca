//! Which keys a part of a record has, whatever they hold: what tells a field that is NULL from one that is not there.

use super::cursor::{Cursor, Syntax, unescape};

/// The keys of all objects below the field of this name, as deep as they go. Source: Jackson's `JsonNode.findValue`, which Flink asks.
///
/// For records that were read before: what is no JSON has no keys.
pub(crate) fn keys_below(record: &[u8], field: &[u8]) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let mut cursor = Cursor::new(record.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(record));
    cursor.skip_space();
    if cursor.take(b'{') {
        let mut found = Vec::new();
        let walked = cursor.members(b'}', 0, |cursor| {
            let key = key(cursor)?;
            if key != field {
                return cursor.skip_value(1);
            }
            found.clear();
            collect(cursor, 1, &mut found)
        });
        if walked.is_ok() {
            keys = found;
        }
    }
    keys
}

fn collect(cursor: &mut Cursor<'_>, depth: usize, keys: &mut Vec<Vec<u8>>) -> Result<(), Syntax> {
    cursor.skip_space();
    if cursor.take(b'[') {
        return cursor.members(b']', depth, |cursor| collect(cursor, depth + 1, keys));
    }
    if cursor.take(b'{') {
        return cursor.members(b'}', depth, |cursor| {
            let found = key(cursor)?;
            keys.push(found);
            collect(cursor, depth + 1, keys)
        });
    }
    cursor.skip_value(depth)
}

fn key(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, Syntax> {
    let raw = cursor.string()?;
    let mut key = Vec::with_capacity(raw.bytes.len());
    unescape(raw, &mut key).map_err(|reason| Syntax { at: cursor.at, reason })?;
    cursor.colon()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_however_deep_and_only_below_their_field() {
        for (record, expected) in [
            (r#"{"old": [{"a": null, "b": {"c": 1}}], "data": [{"d": 1}]}"#, vec!["a", "b", "c"]),
            (r#"{"old": null}"#, vec![]),
            (r#"{"data": {"old": {"a": 1}}}"#, vec![]),
            (r#"{"old": {"\u0061": 1}}"#, vec!["a"]),
            ("no JSON", vec![]),
        ] {
            let found = keys_below(record.as_bytes(), b"old");
            assert_eq!(found, expected.iter().map(|key| key.as_bytes().to_vec()).collect::<Vec<_>>(), "{record}");
        }
    }
}
