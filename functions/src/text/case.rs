//! UPPER, LOWER, INITCAP, REVERSE, and what a text measures: CHAR_LENGTH, ASCII, CHR.

use irmak_common::types::{LogicalType, TypeKind};

use crate::column::{build_numbers, build_strings};
use crate::error::FunctionError;
use crate::function::{Function, Kernel, kernel};
use crate::signature::{Arg, Signature, Want, any_nullable, fixed, forced, strict};
use arrow::datatypes::Int32Type;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::total("UPPER", same, |_| each(|text, out| out.push_str(&text.to_uppercase()))),
    Function::total("LOWER", same, |_| each(|text, out| out.push_str(&text.to_lowercase()))),
    Function::total("INITCAP", same, |_| each(initcap)),
    Function::total(
        "REVERSE",
        |args| forced(args, &[Want::Text], 0, TypeKind::STRING),
        |_| each(|text, out| out.extend(text.chars().rev())),
    ),
    Function::total("CHAR_LENGTH", |args| strict(args, &[Want::Text], 0, TypeKind::Int), |_| measure(|text| text.chars().count() as i32))
        .also(&["CHARACTER_LENGTH"]),
    Function::total(
        "ASCII",
        |args| strict(args, &[Want::Text], 0, TypeKind::Int),
        |_| measure(|text| text.as_bytes().first().map_or(0, |byte| i32::from(*byte as i8))),
    ),
    Function::total(
        "CHR",
        |args| forced(args, &[Want::Long], 0, TypeKind::STRING),
        |_| {
            kernel(|args, scope| {
                let codes = args[0].longs()?;
                build_strings(scope.rows, |row, out| {
                    Ok(codes.get(row).map(|code| {
                        if code >= 0 {
                            out.push(char::from((code & 0xff) as u8));
                        }
                    }))
                })
            })
        },
    ),
];

/// The argument's own type: CHAR(3) stays CHAR(3).
fn same(args: &[Arg<'_>]) -> Signature {
    let casts = fixed(args, &[Want::Text], 0)?;
    let kind = casts[0].kind.clone();
    Ok((casts, LogicalType { kind, nullable: any_nullable(args) }))
}

fn each(write: fn(&str, &mut String)) -> Result<Kernel, FunctionError> {
    kernel(move |args, scope| {
        let texts = args[0].strings()?;
        build_strings(scope.rows, |row, out| Ok(texts.get(row).map(|text| write(text, out))))
    })
}

fn measure(size: fn(&str) -> i32) -> Result<Kernel, FunctionError> {
    kernel(move |args, scope| {
        let texts = args[0].strings()?;
        build_numbers::<Int32Type>(scope.rows, |row| Ok(texts.get(row).map(size)))
    })
}

/// Words are of ASCII letters and digits; every other character begins a new one.
fn initcap(text: &str, out: &mut String) {
    let mut inside = false;
    for c in text.chars() {
        out.push(if inside { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() });
        inside = c.is_ascii_alphanumeric();
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::{check, int, null, text};
    use irmak_common::types::TypeKind;

    #[test]
    fn case_is_unicodes_and_words_are_asciis() {
        for (function, input, output) in [
            ("UPPER", "été ß", "ÉTÉ SS"),
            ("LOWER", "İ", "i̇"),
            ("INITCAP", "flink sql", "Flink Sql"),
            ("INITCAP", "été İstanbul ß", "éTé İStanbul ß"),
            ("INITCAP", "it's A_c", "It'S A_C"),
            ("REVERSE", "😀x", "x😀"),
            ("CHAR_LENGTH", "😀x😀", "3"),
            ("ASCII", "é", "-61"),
            ("ASCII", "", "0"),
        ] {
            check(function, &[text(input)], Some(output));
        }
        check("UPPER", &[null(TypeKind::STRING)], None);
        check("CHR", &[int(353)], Some("a"));
        check("CHR", &[int(-1)], Some(""));
    }
}
