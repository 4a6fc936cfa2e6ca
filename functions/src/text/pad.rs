//! Longer texts: LPAD, RPAD, REPEAT, `||`, CONCAT, CONCAT_WS.

use irmak_common::types::{LogicalType, MAX_LENGTH, TypeKind};

use super::push_utf16;
use crate::column::{build_strings, internal};
use crate::error::{EvalError, FunctionError};
use crate::function::{Function, Kernel, kernel};
use crate::signature::{Arg, Signature, Want, any_nullable, fixed, refuse, strict};
use crate::types::{KindExt, joined_length};

/// Bytes that one text may become: a repetition of a billion is an error, not the end of the process.
const TEXT_BYTES_MAX: usize = 64 << 20;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::partial("LPAD", |args| strict(args, &[Want::Text, Want::Int, Want::Text], 0, TypeKind::STRING), |_| pad("LPAD", Side::Left)),
    Function::partial("RPAD", |args| strict(args, &[Want::Text, Want::Int, Want::Text], 0, TypeKind::STRING), |_| pad("RPAD", Side::Right)),
    Function::partial("REPEAT", |args| strict(args, &[Want::Text, Want::Int], 0, TypeKind::STRING), |_| repeat()),
    Function::total("||", joined_signature, |_| concat()),
    Function::total("CONCAT", concat_signature, |_| concat()),
    Function::total("CONCAT_WS", concat_signature, |_| concat_with_separator()),
];

fn joined_signature(args: &[Arg<'_>]) -> Signature {
    let casts = fixed(args, &[Want::Text, Want::Text], 0).or_else(|_| refuse("<STRING> || <STRING>"))?;
    let kind = match (&casts[0].kind, &casts[1].kind) {
        (TypeKind::Char(a), TypeKind::Char(b)) => TypeKind::Char(joined_length(*a, *b)),
        (TypeKind::Char(a) | TypeKind::Varchar(a), TypeKind::Char(b) | TypeKind::Varchar(b)) => TypeKind::Varchar(joined_length(*a, *b)),
        _ => TypeKind::Varchar(MAX_LENGTH),
    };
    Ok((casts, LogicalType { kind, nullable: any_nullable(args) }))
}

fn concat_signature(args: &[Arg<'_>]) -> Signature {
    if args.is_empty() || !args.iter().all(|arg| arg.kind().is_text() || *arg.kind() == TypeKind::Null) {
        return refuse("one or more of <CHARACTER_STRING>");
    }
    let casts = args.iter().map(|arg| if arg.kind().is_text() { arg.ty.clone() } else { arg.cast(TypeKind::STRING) }).collect();
    Ok((casts, LogicalType { kind: TypeKind::STRING, nullable: any_nullable(args) }))
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
}

fn too_long(function: &'static str, row: usize) -> EvalError {
    EvalError::new(function, format!("the text would be longer than {} MiB", TEXT_BYTES_MAX >> 20)).at(row)
}

fn pad(function: &'static str, side: Side) -> Result<Kernel, FunctionError> {
    kernel(move |args, scope| {
        let (texts, lengths, pads) = (args[0].strings()?, args[1].ints()?, args[2].strings()?);
        build_strings(scope.rows, |row, out| {
            let found = || Some((texts.get(row)?, lengths.get(row)?, pads.get(row)?));
            let Some((text, length, pad)) = found() else { return Ok(None) };
            let Ok(length) = usize::try_from(length) else { return Ok(None) };
            if pad.is_empty() {
                return Ok(None);
            }
            if length > TEXT_BYTES_MAX / 3 {
                return Err(too_long(function, row));
            }
            let units: Vec<u16> = text.encode_utf16().collect();
            let pad: Vec<u16> = pad.encode_utf16().collect();
            let kept = units.iter().copied().take(length);
            let missing = pad.iter().copied().cycle().take(length.saturating_sub(units.len()));
            match side {
                Side::Left => push_utf16(out, missing.chain(kept)),
                Side::Right => push_utf16(out, kept.chain(missing)),
            }
            Ok(Some(()))
        })
    })
}

fn repeat() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let (texts, counts) = (args[0].strings()?, args[1].ints()?);
        build_strings(scope.rows, |row, out| {
            let Some((text, count)) = texts.get(row).zip(counts.get(row)) else { return Ok(None) };
            let count = usize::try_from(count).unwrap_or(0);
            if text.len().saturating_mul(count) > TEXT_BYTES_MAX {
                return Err(too_long("REPEAT", row));
            }
            (0..count).for_each(|_| out.push_str(text));
            Ok(Some(()))
        })
    })
}

/// NULL where any part is.
fn concat() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let parts = args.iter().map(|arg| arg.strings()).collect::<Result<Vec<_>, _>>()?;
        build_strings(scope.rows, |row, out| {
            Ok(parts.iter().try_for_each(|part| {
                out.push_str(part.get(row)?);
                Some(())
            }))
        })
    })
}

/// NULL where the separator is; parts that are NULL are left out.
fn concat_with_separator() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let parts = args.iter().map(|arg| arg.strings()).collect::<Result<Vec<_>, _>>()?;
        let (separators, parts) = parts.split_first().ok_or_else(|| internal("CONCAT_WS without a separator"))?;
        build_strings(scope.rows, |row, out| {
            let Some(separator) = separators.get(row) else { return Ok(None) };
            for (count, part) in parts.iter().filter_map(|part| part.get(row)).enumerate() {
                out.push_str(if count == 0 { "" } else { separator });
                out.push_str(part);
            }
            Ok(Some(()))
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::Environment;
    use crate::tests::{call, check, int, null, run, text};
    use irmak_common::expr::Value;
    use irmak_common::types::TypeKind;

    #[test]
    fn pads_count_utf16_units() {
        for (input, length, pad, left, right) in [
            ("abc", 5, "*", Some("**abc"), Some("abc**")),
            ("abc", 2, "*", Some("ab"), Some("ab")),
            ("abc", 0, "*", Some(""), Some("")),
            ("abc", -1, "*", None, None),
            ("abc", 5, "", None, None),
            ("", 5, "😀", Some("😀😀?"), Some("😀😀?")),
            ("it's", 5, "😀", Some("?it's"), Some("it's?")),
            ("😀x😀", 2, "*", Some("😀"), Some("😀")),
        ] {
            check("LPAD", &[text(input), int(length), text(pad)], left);
            check("RPAD", &[text(input), int(length), text(pad)], right);
        }
        check("REPEAT", &[text("ab"), int(2)], Some("abab"));
        check("REPEAT", &[text("ab"), int(-1)], Some(""));
        assert!(run("REPEAT", &[text("ab"), int(i64::from(i32::MAX))], &Environment::default()).is_err());
    }

    #[test]
    fn parts_are_joined() {
        check("||", &[text("a"), text("b")], Some("ab"));
        check("CONCAT", &[text("a"), null(TypeKind::STRING)], None);
        check("CONCAT_WS", &[text("-"), text("a"), null(TypeKind::STRING), text("b")], Some("a-b"));
        check("CONCAT_WS", &[text("-"), null(TypeKind::STRING)], Some(""));
        check("CONCAT_WS", &[null(TypeKind::STRING), text("a")], None);
        let char = |text: &str| (Value::String(text.into()), TypeKind::Char(text.len() as u32).not_null());
        assert_eq!(call("||", &[char("ab"), char("c")]).unwrap().ty.to_string(), "CHAR(3) NOT NULL");
        assert_eq!(call("||", &[char("a"), int(1)]).unwrap_err(), "cannot apply `||` to (CHAR(1), INT)");
    }
}
