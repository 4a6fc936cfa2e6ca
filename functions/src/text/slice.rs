//! Parts of texts: SUBSTRING, LEFT, RIGHT, TRIM and its kin, OVERLAY.

use irmak_common::types::{LogicalType, MAX_LENGTH, TypeKind};

use super::push_utf16;
use crate::column::{Column, build_slices, build_strings};
use crate::error::{EvalError, FunctionError};
use crate::function::{Call, Function, Kernel, kernel};
use crate::signature::{Arg, Signature, Want, any_nullable, fixed, refuse};
use crate::types::joined_length;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::total("SUBSTRING", |args| part_of(args, &[Want::Text, Want::Int, Want::Int], 1), substring),
    Function::total("SUBSTR", |args| part_of(args, &[Want::Text, Want::Int, Want::Int], 1), substring),
    Function::total("LEFT", |args| part_of(args, &[Want::Text, Want::Int], 0), |_| take(left)),
    Function::total("RIGHT", |args| part_of(args, &[Want::Text, Want::Int], 0), |_| take(right)),
    Function::total("TRIM", trim_signature, trim),
    Function::total(
        "LTRIM",
        |args| varying(args, &[Want::Text, Want::Text], 1),
        |_| one_side(|text, set| text.trim_start_matches(|c| set.contains(c))),
    ),
    Function::total(
        "RTRIM",
        |args| varying(args, &[Want::Text, Want::Text], 1),
        |_| one_side(|text, set| text.trim_end_matches(|c| set.contains(c))),
    ),
    Function::total("OVERLAY", overlay_signature, |_| overlay()),
];

fn length_of(kind: &TypeKind) -> u32 {
    match kind {
        TypeKind::Char(n) | TypeKind::Varchar(n) => *n,
        _ => MAX_LENGTH,
    }
}

/// A VARCHAR as long as the first argument.
fn varying(args: &[Arg<'_>], wants: &[Want], optional: usize) -> Signature {
    let casts = fixed(args, wants, optional)?;
    let kind = TypeKind::Varchar(length_of(&casts[0].kind));
    Ok((casts, LogicalType { kind, nullable: any_nullable(args) }))
}

/// The same; NULL where the length is negative, so it always may be.
fn part_of(args: &[Arg<'_>], wants: &[Want], optional: usize) -> Signature {
    let (casts, ty) = varying(args, wants, optional)?;
    Ok((casts, ty.with_nullable(true)))
}

fn trim_signature(args: &[Arg<'_>]) -> Signature {
    let wants: &[Want] = match args.len() {
        1 => &[Want::Text],
        3 => &[Want::Symbol, Want::Text, Want::Text],
        _ => return refuse("TRIM([BOTH | LEADING | TRAILING] [<CHARACTER_STRING>] FROM <CHARACTER_STRING>)"),
    };
    let casts = fixed(args, wants, 0)?;
    let kind = TypeKind::Varchar(casts.last().map_or(MAX_LENGTH, |ty| length_of(&ty.kind)));
    Ok((casts, LogicalType { kind, nullable: any_nullable(args) }))
}

fn overlay_signature(args: &[Arg<'_>]) -> Signature {
    let casts = fixed(args, &[Want::Text, Want::Text, Want::Long, Want::Long], 1)?;
    let kind = TypeKind::Varchar(joined_length(length_of(&casts[0].kind), length_of(&casts[1].kind)));
    Ok((casts, LogicalType { kind, nullable: any_nullable(args) }))
}

fn substring(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let with_length = call.args.len() == 3;
    kernel(move |args, scope| {
        let (texts, starts) = (args[0].strings()?, args[1].ints()?);
        let lengths = if with_length { Some(args[2].ints()?) } else { None };
        Ok(build_slices(scope.rows, |row| {
            let length = match &lengths {
                Some(lengths) => Some(lengths.get(row)?),
                None => None,
            };
            part(texts.get(row)?, starts.get(row)?, length)
        }))
    })
}

/// From the character `start` on, counted from 1, from the end where negative; 0 is 1. `None` for a negative length.
fn part(text: &str, start: i32, length: Option<i32>) -> Option<&str> {
    if length.is_some_and(|length| length < 0) {
        return None;
    }
    let skipped = match start {
        1.. => start as usize - 1,
        0 => 0,
        _ => match text.chars().count().checked_sub(start.unsigned_abs() as usize) {
            Some(skipped) => skipped,
            None => return Some(""),
        },
    };
    let rest = &text[byte_of(text, skipped)..];
    Some(length.map_or(rest, |length| &rest[..byte_of(rest, length as usize)]))
}

/// Where the character with this index begins; the end where there is none.
fn byte_of(text: &str, index: usize) -> usize {
    if text.is_ascii() {
        return index.min(text.len());
    }
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}

fn take(part: fn(&str, usize) -> &str) -> Result<Kernel, FunctionError> {
    kernel(move |args, scope| {
        let (texts, counts) = (args[0].strings()?, args[1].ints()?);
        Ok(build_slices(scope.rows, |row| Some(part(texts.get(row)?, usize::try_from(counts.get(row)?).unwrap_or(0)))))
    })
}

fn left(text: &str, count: usize) -> &str {
    &text[..byte_of(text, count)]
}

fn right(text: &str, count: usize) -> &str {
    &text[byte_of(text, text.chars().count().saturating_sub(count))..]
}

fn trim(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    if call.args.len() == 1 {
        return one_side(|text, set| text.trim_matches(|c| set.contains(c)));
    }
    let side = call.text(0).unwrap_or("BOTH").to_owned();
    kernel(move |args, scope| {
        let (sets, texts) = (args[1].strings()?, args[2].strings()?);
        Ok(build_slices(scope.rows, |row| {
            let (text, set) = (texts.get(row)?, sets.get(row)?);
            let inside = |c| set.contains(c);
            let text = if side == "TRAILING" { text } else { text.trim_start_matches(inside) };
            Some(if side == "LEADING" { text } else { text.trim_end_matches(inside) })
        }))
    })
}

/// Without the characters of the second argument, spaces where there is none.
fn one_side(cut: for<'a> fn(&'a str, &str) -> &'a str) -> Result<Kernel, FunctionError> {
    kernel(move |args, scope| {
        let texts = args[0].strings()?;
        let sets = args.get(1).map(Column::strings).transpose()?;
        Ok(build_slices(scope.rows, |row| {
            let set = match &sets {
                Some(sets) => sets.get(row)?,
                None => " ",
            };
            Some(cut(texts.get(row)?, set))
        }))
    })
}

fn overlay() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let (texts, news, starts) = (args[0].strings()?, args[1].strings()?, args[2].longs()?);
        let lengths = args.get(3).map(Column::longs).transpose()?;
        build_strings(scope.rows, |row, out| {
            let found = || Some((texts.get(row)?, news.get(row)?, starts.get(row)?));
            let Some((text, new, start)) = found() else { return Ok(None) };
            let length = match &lengths {
                Some(lengths) => lengths.get(row),
                None => Some(new.encode_utf16().count() as i64),
            };
            Ok::<_, EvalError>(length.map(|length| replace_part(text, new, start, length, out)))
        })
    })
}

fn replace_part(text: &str, new: &str, start: i64, length: i64, out: &mut String) {
    let units: Vec<u16> = text.encode_utf16().collect();
    let inside = usize::try_from(start).ok().filter(|start| (1..=units.len()).contains(start));
    let Some(start) = inside else { return out.push_str(text) };
    let before = units[..start - 1].iter().copied();
    let end = usize::try_from(length)
        .ok()
        .filter(|length| *length > 0 && start.saturating_add(*length) <= units.len())
        .map(|length| start - 1 + length);
    let behind = end.map_or(&[][..], |end| &units[end..]).iter().copied();
    push_utf16(out, before.chain(new.encode_utf16()).chain(behind));
}

#[cfg(test)]
mod tests {
    use crate::tests::{check, int, null, symbol, text};
    use irmak_common::types::TypeKind;

    #[test]
    fn substrings_count_characters_from_either_end() {
        for (input, start, length, output) in [
            ("abc", 1, Some(2), Some("ab")),
            ("abc", 0, Some(2), Some("ab")),
            ("abc", -2, Some(1), Some("b")),
            ("abc", -10, Some(9), Some("")),
            ("Flink SQL rocks", -10, Some(9), Some(" SQL rock")),
            ("abc", 2, Some(0), Some("")),
            ("abc", 1, Some(-1), None),
            ("abc", 100, None, Some("")),
            ("😀x😀", -2, None, Some("x😀")),
            ("abc", 2, Some(100), Some("bc")),
        ] {
            let mut args = vec![text(input), int(start)];
            args.extend(length.map(int));
            check("SUBSTRING", &args, output);
            check("SUBSTR", &args, output);
        }
        check("SUBSTRING", &[text("abc"), int(1), null(TypeKind::Int)], None);
    }

    #[test]
    fn ends_are_taken_and_trimmed() {
        check("LEFT", &[text("😀x"), int(1)], Some("😀"));
        check("RIGHT", &[text("abc"), int(2)], Some("bc"));
        check("RIGHT", &[text("abc"), int(-1)], Some(""));
        check("TRIM", &[text("  pad ")], Some("pad"));
        check("TRIM", &[symbol("LEADING"), text("x"), text("xxaxx")], Some("axx"));
        check("TRIM", &[symbol("BOTH"), text("xc"), text("xcaxx")], Some("a"));
        check("LTRIM", &[text(" a ")], Some("a "));
        check("RTRIM", &[text("abxy"), text("yx")], Some("ab"));
    }

    #[test]
    fn overlays_replace_what_they_cover() {
        for (start, length, output) in
            [(2, None, "axyz"), (2, Some(1), "axyzcd"), (9, None, "abcd"), (0, None, "abcd"), (1, Some(4), "xyz")]
        {
            let mut args = vec![text("abcd"), text("xyz"), int(start)];
            args.extend(length.map(int));
            check("OVERLAY", &args, Some(output));
        }
    }
}
