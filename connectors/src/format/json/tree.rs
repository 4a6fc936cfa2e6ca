//! A nested JSON value as compact JSON text: what a STRING column holds of an object or array.
//!
//! Numbers with a fraction or exponent are written as Java prints doubles, or decimals (`exact`: some column is a DECIMAL); strings as
//! Jackson escapes them; keys and elements keep their order. Source: Jackson's `JsonNode.toString`, through Flink's `convertToString`.

use super::cursor::{Cursor, Number, Syntax, unescape};
use crate::format::number::{parse_f64, push_big_decimal};
use crate::format::text::{Surrogates, push_json_string};
use irmak_common::text::write_double;

/// Takes a value and appends it compactly.
pub(super) fn write_tree(cursor: &mut Cursor<'_>, out: &mut Vec<u8>, depth: usize, exact: bool) -> Result<(), Syntax> {
    cursor.skip_space();
    let start = cursor.at;
    match cursor.peek() {
        Some(b'{') => {
            cursor.at += 1;
            out.push(b'{');
            let mut first = true;
            cursor.members(b'}', depth, |cursor| {
                separate(out, &mut first);
                write_string(cursor, out)?;
                cursor.colon()?;
                out.push(b':');
                write_tree(cursor, out, depth + 1, exact)
            })?;
            out.push(b'}');
        }
        Some(b'[') => {
            cursor.at += 1;
            out.push(b'[');
            let mut first = true;
            cursor.members(b']', depth, |cursor| {
                separate(out, &mut first);
                write_tree(cursor, out, depth + 1, exact)
            })?;
            out.push(b']');
        }
        Some(b'"') => write_string(cursor, out)?,
        Some(b'-' | b'0'..=b'9') => number_text(&cursor.number()?, exact, out),
        _ => {
            cursor.skip_value(depth)?;
            out.extend_from_slice(&cursor.bytes[start..cursor.at]);
        }
    }
    Ok(())
}

/// Appends a number as a tree has it: its spelling is lost.
pub(super) fn number_text(number: &Number<'_>, exact: bool, out: &mut Vec<u8>) {
    let mut text = String::new();
    match parse_f64(number.text) {
        // What no double holds is no decimal either: Jackson asks for the double first.
        Some(value) if number.float && exact && value.is_finite() => push_big_decimal(&mut text, number.text),
        Some(value) if number.float => write_double(&mut text, value),
        _ if number.text == b"-0" => text.push('0'),
        _ => return out.extend_from_slice(number.text),
    }
    out.extend_from_slice(text.as_bytes());
}

fn separate(out: &mut Vec<u8>, first: &mut bool) {
    if !std::mem::replace(first, false) {
        out.push(b',');
    }
}

fn write_string(cursor: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), Syntax> {
    let start = cursor.at;
    let raw = cursor.string()?;
    let mut text = Vec::with_capacity(raw.bytes.len());
    unescape(raw, &mut text).map_err(|reason| Syntax { at: start, reason })?;
    let text = String::from_utf8(text).map_err(|_| Syntax { at: start, reason: "the text is not UTF-8" })?;
    let mut quoted = String::with_capacity(text.len() + 2);
    push_json_string(&mut quoted, &text, Surrogates::Plain);
    out.extend_from_slice(quoted.as_bytes());
    Ok(())
}
