//! IS_ALPHA, IS_DIGIT, IS_DECIMAL: what a text is made of. A number answers as what it is; NULL is none of them.
//!
//! Source: Flink's `SqlFunctionUtils`: commons-lang over UTF-16 units, so nothing beyond the BMP is a letter.

use std::fmt::Write;

use irmak_common::types::TypeKind;

use crate::cast::parses_as_double;
use crate::column::build_bools;
use crate::error::FunctionError;
use crate::function::{Call, Function, Kernel, kernel};
use crate::signature::{Arg, Signature, refuse, uncast};
use crate::types::KindExt;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::total("IS_ALPHA", signature, |call| classify(call, |_| false, is_alpha)),
    Function::total("IS_DIGIT", signature, |call| classify(call, TypeKind::is_integer, is_digit)),
    Function::total("IS_DECIMAL", signature, |call| classify(call, TypeKind::is_numeric, is_decimal)),
];

fn signature(args: &[Arg<'_>]) -> Signature {
    match args {
        [arg] if arg.kind().is_text() || arg.kind().is_numeric() => Ok((uncast(args), TypeKind::Boolean.not_null())),
        _ => refuse("(<CHARACTER_STRING>) or (<NUMERIC>)"),
    }
}

fn classify(call: &Call<'_>, numbers: fn(&TypeKind) -> bool, texts: fn(&str) -> bool) -> Result<Kernel, FunctionError> {
    let kind = call.arg(0)?.kind.clone();
    if kind.is_text() {
        return kernel(move |args, scope| {
            let values = args[0].strings()?;
            build_bools(scope.rows, |row| Ok(Some(values.get(row).is_some_and(texts))))
        });
    }
    let answer = numbers(&kind);
    kernel(move |args, scope| {
        let array = args[0].array();
        build_bools(scope.rows, |row| Ok(Some(answer && array.is_valid(args[0].index(row)))))
    })
}

fn is_alpha(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphabetic() && u32::from(c) <= 0xffff && !is_alphabetic_mark(c))
}

/// Unicode calls letter numbers and some marks alphabetic; Java's `isLetter` does not.
fn is_alphabetic_mark(c: char) -> bool {
    c.is_numeric() || matches!(c, '\u{345}' | '\u{24b6}'..='\u{24e9}')
}

fn is_digit(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| u32::from(c) <= 0xffff && is_decimal_digit(c))
}

/// Category Nd, as `Character.isDigit`.
fn is_decimal_digit(c: char) -> bool {
    static DIGITS: std::sync::OnceLock<Option<fancy_regex::Regex>> = std::sync::OnceLock::new();
    if c.is_ascii() {
        return c.is_ascii_digit();
    }
    let mut text = String::new();
    let _ = text.write_char(c);
    let digits = DIGITS.get_or_init(|| crate::pattern::java_regex(r"^\p{Nd}$"));
    digits.as_ref().is_some_and(|digits| digits.is_match(&text).unwrap_or(false))
}

fn is_decimal(text: &str) -> bool {
    !text.is_empty() && parses_as_double(text)
}

#[cfg(test)]
mod tests {
    use crate::tests::{check, decimal, double, int, null, text};
    use irmak_common::types::TypeKind;

    #[test]
    fn texts_are_told_apart_as_flink_tells_them() {
        for (value, alpha, digit, is_decimal) in [
            (text("abc"), "TRUE", "FALSE", "FALSE"),
            (text("Äß"), "TRUE", "FALSE", "FALSE"),
            (text("a1"), "FALSE", "FALSE", "FALSE"),
            (text("123"), "FALSE", "TRUE", "TRUE"),
            (text("\u{663}"), "FALSE", "TRUE", "FALSE"),
            (text("11.4445"), "FALSE", "FALSE", "TRUE"),
            (text("-1e5"), "FALSE", "FALSE", "TRUE"),
            (text(""), "FALSE", "FALSE", "FALSE"),
            (text("😀"), "FALSE", "FALSE", "FALSE"),
            (text("\u{10400}"), "FALSE", "FALSE", "FALSE"),
            (null(TypeKind::STRING), "FALSE", "FALSE", "FALSE"),
            (int(1), "FALSE", "TRUE", "TRUE"),
            (double(1.5), "FALSE", "FALSE", "TRUE"),
            (decimal(15, 2, 1), "FALSE", "FALSE", "TRUE"),
            (null(TypeKind::Int), "FALSE", "FALSE", "FALSE"),
        ] {
            let value = [value];
            check("IS_ALPHA", &value, Some(alpha));
            check("IS_DIGIT", &value, Some(digit));
            check("IS_DECIMAL", &value, Some(is_decimal));
        }
    }
}
