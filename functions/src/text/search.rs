//! Where a text holds another: POSITION, LOCATE, INSTR; and REPLACE.

use arrow::datatypes::Int32Type;
use irmak_common::types::TypeKind;

use crate::column::{Column, build_numbers, build_strings};
use crate::error::FunctionError;
use crate::function::{Function, Kernel, kernel};
use crate::signature::{Want, strict};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::total("POSITION", |args| strict(args, &[Want::Text, Want::Text, Want::Int], 1, TypeKind::Int), |_| locate()),
    Function::total("LOCATE", |args| strict(args, &[Want::Text, Want::Text, Want::Int], 1, TypeKind::Int), |_| locate()),
    Function::total("INSTR", |args| strict(args, &[Want::Text, Want::Text, Want::Int, Want::Int], 2, TypeKind::Int), |_| instr()),
    Function::total("REPLACE", |args| strict(args, &[Want::Text, Want::Text, Want::Text], 0, TypeKind::STRING), |_| replace()),
];

/// `needle` in `text`, from the character `start` (from 1) on: the position of its first character, 0 where there is none.
fn position(text: &str, needle: &str, start: i32) -> i32 {
    let skipped = usize::try_from(start.saturating_sub(1)).unwrap_or(0);
    // Nothing is found at the very beginning, whatever `start` says (`BinaryStringData.indexOf`).
    if needle.is_empty() {
        return 1;
    }
    let Some((from, _)) = text.char_indices().nth(skipped) else { return 0 };
    text[from..].find(needle).map_or(0, |at| text[..from + at].chars().count() as i32 + 1)
}

fn locate() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let (needles, texts) = (args[0].strings()?, args[1].strings()?);
        let starts = args.get(2).map(Column::ints).transpose()?;
        build_numbers::<Int32Type>(scope.rows, |row| {
            let found = || {
                let start = starts.as_ref().map_or(Some(1), |starts| starts.get(row))?;
                Some(position(texts.get(row)?, needles.get(row)?, start))
            };
            Ok(found())
        })
    })
}

/// INSTR(text, needle[, start[, occurrence]]): from the end where `start` is negative.
fn instr() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let (texts, needles) = (args[0].strings()?, args[1].strings()?);
        let starts = args.get(2).map(Column::ints).transpose()?;
        let counts = args.get(3).map(Column::ints).transpose()?;
        build_numbers::<Int32Type>(scope.rows, |row| {
            let found = || {
                let start = starts.as_ref().map_or(Some(1), |starts| starts.get(row))?;
                let count = counts.as_ref().map_or(Some(1), |counts| counts.get(row))?;
                Some(occurrence(texts.get(row)?, needles.get(row)?, start, count))
            };
            Ok(found())
        })
    })
}

fn occurrence(text: &str, needle: &str, start: i32, count: i32) -> i32 {
    if needle.is_empty() {
        return 1;
    }
    let places: Vec<i32> =
        text.char_indices().enumerate().filter(|(_, (at, _))| text[*at..].starts_with(needle)).map(|(index, _)| index as i32 + 1).collect();
    let wanted = usize::try_from(count.saturating_sub(1)).unwrap_or(usize::MAX);
    let found = if start >= 0 {
        places.iter().filter(|place| **place >= start).nth(wanted)
    } else {
        let last = text.chars().count() as i32 + start + 1;
        places.iter().rev().filter(|place| **place <= last).nth(wanted)
    };
    found.copied().unwrap_or(0)
}

fn replace() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let (texts, olds, news) = (args[0].strings()?, args[1].strings()?, args[2].strings()?);
        build_strings(scope.rows, |row, out| {
            let found = || Some((texts.get(row)?, olds.get(row)?, news.get(row)?));
            Ok(found().map(|(text, old, new)| {
                let mut last = 0;
                for (at, part) in text.match_indices(old) {
                    out.push_str(&text[last..at]);
                    out.push_str(new);
                    last = at + part.len();
                }
                out.push_str(&text[last..]);
            }))
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::tests::{check, int, text};

    #[test]
    fn positions_count_characters_from_one() {
        check("POSITION", &[text("c"), text("😀bcbc")], Some("3"));
        check("POSITION", &[text("z"), text("abc")], Some("0"));
        check("LOCATE", &[text("b"), text("abcb"), int(3)], Some("4"));
        check("LOCATE", &[text("b"), text("abcb"), int(9)], Some("0"));
        check("LOCATE", &[text(""), text("abc"), int(2)], Some("1"));
        check("INSTR", &[text("abcabc"), text("b")], Some("2"));
        check("INSTR", &[text(""), text("")], Some("1"));
        check("INSTR", &[text("abcabc"), text("b"), int(3)], Some("5"));
        check("INSTR", &[text("abcabc"), text("b"), int(1), int(2)], Some("5"));
        check("INSTR", &[text("abcabc"), text("b"), int(-1), int(2)], Some("2"));
        check("REPLACE", &[text("hello"), text("l"), text("LL")], Some("heLLLLo"));
    }
}
