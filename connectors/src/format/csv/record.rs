//! Where a CSV record ends, and what its fields are: quotes, escapes, comments, line breaks inside of quotes.
//!
//! As Jackson's `CsvParser` reads: a quote opens only at the beginning of a field, a doubled quote inside of quotes is one, empty lines
//! are records of one empty field, a last line needs no line break.

use memchr::{memchr, memchr2, memchr3};

use super::options::CsvOptions;

/// One record's fields, unquoted and unescaped. Those that stand in the record as they are stay there.
#[derive(Default)]
pub(super) struct Fields {
    places: Vec<Place>,
    /// The fields that had something to take out of them.
    text: Vec<u8>,
}

/// Where a field is.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
    rewritten: bool,
}

impl Fields {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// A field of the record that was taken apart last.
    #[inline]
    pub(super) fn get<'a>(&'a self, index: usize, record: &'a [u8]) -> Option<&'a [u8]> {
        let place = self.places.get(index)?;
        if place.rewritten { self.text.get(place.start..place.end) } else { record.get(place.start..place.end) }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.places.clear();
    }

    /// The field stands in the record from `start` to `end`.
    #[inline]
    fn stands(&mut self, start: usize, end: usize) {
        self.places.push(Place { start, end, rewritten: false });
    }

    /// The field is what was added to `text` since it had `start` bytes.
    fn rewritten(&mut self, start: usize) {
        self.places.push(Place { start, end: self.text.len(), rewritten: true });
    }
}

/// Where a record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Bytes of the record.
    pub(crate) length: usize,
    /// The same with its line break.
    pub(crate) consumed: usize,
}

/// The first record of `bytes`; `None`: it goes on behind them, unless they are `all`.
pub(super) fn frame(bytes: &[u8], options: &CsvOptions, all: bool) -> Option<Frame> {
    if options.escape.is_none() && !options.allow_comments { leap(bytes, options, all) } else { step(bytes, options, all) }
}

/// [`frame`] that takes the record apart on its way, where neither escapes nor comments are; `None`: as there, or a quoted field is more
/// than what stands between its quotes, which [`split`] is for.
pub(super) fn sweep(bytes: &[u8], options: &CsvOptions, all: bool, fields: &mut Fields) -> Option<Frame> {
    fields.clear();
    let mut at = 0;
    loop {
        at = match options.quote {
            Some(quote) if bytes.get(at) == Some(&quote) => {
                let (start, end) = (at + 1, at + 1 + memchr(quote, &bytes[at + 1..])?);
                fields.stands(start, end);
                end + 1 + blanks(&bytes[end + 1..], &[options.delimiter, b'\n', b'\r'])
            }
            _ => {
                let end = memchr3(options.delimiter, b'\n', b'\r', &bytes[at..]).map_or(bytes.len(), |distance| at + distance);
                fields.stands(at, end);
                end
            }
        };
        match bytes.get(at) {
            Some(byte) if *byte == options.delimiter => at += 1,
            Some(b'\n' | b'\r') => return line_end(bytes, at, all),
            Some(_) => return None,
            None => return (all && !bytes.is_empty()).then_some(Frame { length: at, consumed: at }),
        }
    }
}

/// How many blanks stand behind a closing quote, which are let pass: all that are not among what ends a field.
#[inline]
fn blanks(rest: &[u8], ends: &[u8]) -> usize {
    rest.iter().take_while(|byte| **byte <= b' ' && !ends.contains(byte)).count()
}

/// [`frame`] where neither escapes nor comments are: from one line break or quote to the next.
fn leap(bytes: &[u8], options: &CsvOptions, all: bool) -> Option<Frame> {
    let (mut at, mut field_start, mut quoted) = (0, true, false);
    let next = |rest: &[u8], quoted: bool| match options.quote {
        Some(quote) if quoted => memchr(quote, rest),
        Some(quote) => memchr3(b'\n', b'\r', quote, rest),
        None => memchr2(b'\n', b'\r', rest),
    };
    while let Some(hit) = next(&bytes[at..], quoted).map(|distance| at + distance) {
        if hit > at {
            field_start = !quoted && bytes[hit - 1] == options.delimiter;
        }
        let byte = bytes[hit];
        if !quoted && matches!(byte, b'\n' | b'\r') {
            return line_end(bytes, hit, all);
        }
        let toggles = field_start || quoted;
        quoted ^= toggles;
        field_start = !quoted && (toggles || byte == options.delimiter);
        at = hit + 1;
    }
    (all && !bytes.is_empty()).then_some(Frame { length: bytes.len(), consumed: bytes.len() })
}

/// The frame that ends with the line break at `at`; `None`: whether a line feed follows is not known yet.
fn line_end(bytes: &[u8], at: usize, all: bool) -> Option<Frame> {
    if bytes[at] == b'\r' && at + 1 == bytes.len() && !all {
        return None;
    }
    let pair = bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n');
    Some(Frame { length: at, consumed: at + 1 + usize::from(pair) })
}

/// [`frame`] byte by byte, under all options.
fn step(bytes: &[u8], options: &CsvOptions, all: bool) -> Option<Frame> {
    let mut at = leading_blanks(bytes, options);
    let (mut field_start, mut quoted) = (true, false);
    let comment = options.allow_comments && bytes.get(at) == Some(&b'#');
    while let Some(byte) = bytes.get(at).copied() {
        if comment && byte != b'\n' && byte != b'\r' {
            at += 1;
            continue;
        }
        let toggles = Some(byte) == options.quote && (field_start || quoted);
        match byte {
            b'\n' | b'\r' if !quoted => return line_end(bytes, at, all),
            _ if Some(byte) == options.escape => at += 1,
            _ if toggles => quoted = !quoted,
            _ => {}
        }
        // A quote that closes may be the first of a doubled one: seen again, it opens anew.
        field_start = !quoted && (toggles || byte == options.delimiter);
        at += 1;
    }
    (all && !bytes.is_empty()).then_some(Frame { length: bytes.len(), consumed: bytes.len() })
}

/// How many spaces at a record's beginning are none of it: where comments are allowed, Jackson steps over blanks while it looks for them.
pub(super) fn leading_blanks(record: &[u8], options: &CsvOptions) -> usize {
    if !options.allow_comments {
        return 0;
    }
    record.iter().position(|byte| *byte != b' ').unwrap_or(record.len())
}

/// Takes a record (without its line break) apart.
pub(super) fn split(record: &[u8], options: &CsvOptions, fields: &mut Fields) -> Result<(), &'static str> {
    fields.clear();
    let mut at = 0;
    loop {
        at = if options.quote.is_some_and(|quote| record.get(at) == Some(&quote)) {
            quoted(record, at + 1, options, fields)?
        } else {
            plain(record, at, options, fields)?
        };
        match record.get(at) {
            None => return Ok(()),
            Some(byte) if *byte == options.delimiter => at += 1,
            Some(_) => return Err("something stands between a closing quote and the next delimiter"),
        }
    }
}

/// How far `rest` is without the byte, and without the escape character.
#[inline]
fn run(rest: &[u8], byte: u8, escape: Option<u8>) -> usize {
    let found = match escape {
        Some(escape) => memchr2(byte, escape, rest),
        None => memchr(byte, rest),
    };
    found.unwrap_or(rest.len())
}

fn plain(record: &[u8], start: usize, options: &CsvOptions, fields: &mut Fields) -> Result<usize, &'static str> {
    let (mut from, first) = (start, fields.text.len());
    loop {
        let end = from + run(&record[from..], options.delimiter, options.escape);
        let escapes = record.get(end).is_some_and(|byte| *byte != options.delimiter);
        if !escapes && from == start {
            fields.stands(start, end);
            return Ok(end);
        }
        fields.text.extend_from_slice(&record[from..end]);
        if !escapes {
            fields.rewritten(first);
            return Ok(end);
        }
        from = escaped(record, end, fields)?;
    }
}

fn quoted(record: &[u8], start: usize, options: &CsvOptions, fields: &mut Fields) -> Result<usize, &'static str> {
    const OPEN: &str = "a quote is not closed";
    let quote = options.quote.ok_or(OPEN)?;
    let (mut from, first) = (start, fields.text.len());
    loop {
        let end = from + run(&record[from..], quote, options.escape);
        let escapes = Some(*record.get(end).ok_or(OPEN)?) == options.escape;
        let doubled = !escapes && record.get(end + 1) == Some(&quote);
        let closes = !escapes && !doubled;
        if closes && from == start {
            fields.stands(start, end);
            return Ok(end + 1 + blanks(&record[end + 1..], &[options.delimiter]));
        }
        fields.text.extend_from_slice(&record[from..end]);
        if closes {
            fields.rewritten(first);
            return Ok(end + 1 + blanks(&record[end + 1..], &[options.delimiter]));
        }
        from = if escapes { escaped(record, end, fields)? } else { end + 2 };
        if doubled {
            fields.text.push(quote);
        }
    }
}

/// Takes the escape character at `at` and what it escapes; returns what is behind.
fn escaped(record: &[u8], at: usize, fields: &mut Fields) -> Result<usize, &'static str> {
    fields.text.push(unescaped(*record.get(at + 1).ok_or("an escape character stands at the end")?));
    Ok(at + 2)
}

fn unescaped(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'0' => 0,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(text: &str, options: &CsvOptions) -> Result<Vec<String>, &'static str> {
        let mut fields = Fields::default();
        split(text.as_bytes(), options, &mut fields)?;
        Ok((0..fields.len()).map(|index| String::from_utf8(fields.get(index, text.as_bytes()).unwrap().to_vec()).unwrap()).collect())
    }

    #[test]
    fn records_are_taken_apart_as_jackson_does() {
        let plain = CsvOptions::default();
        let escaping = CsvOptions { escape: Some(b'\\'), ..CsvOptions::default() };
        for (text, options, expected) in [
            ("1,a", &plain, Ok(vec!["1", "a"])),
            ("", &plain, Ok(vec![""])),
            (",", &plain, Ok(vec!["", ""])),
            (r#""a,""b""",c"#, &plain, Ok(vec![r#"a,"b""#, "c"])),
            ("\"a\nb\"", &plain, Ok(vec!["a\nb"])),
            (r#"a"b"#, &plain, Ok(vec![r#"a"b"#])),
            (r#""a"#, &plain, Err("a quote is not closed")),
            ("\"a\" \t,b", &plain, Ok(vec!["a", "b"])),
            (r#""a"b"#, &plain, Err("something stands between a closing quote and the next delimiter")),
            (r"a\,b,c", &escaping, Ok(vec!["a,b", "c"])),
            (r#""a\"b",c"#, &escaping, Ok(vec![r#"a"b"#, "c"])),
        ] {
            assert_eq!(fields(text, options), expected.map(|fields| fields.into_iter().map(str::to_owned).collect()), "{text}");
        }
    }

    #[test]
    fn a_record_ends_at_the_first_line_break_outside_of_quotes() {
        let plain = CsvOptions::default();
        for (text, all, expected) in [
            ("1,a\n2", false, Some((3, 4))),
            ("1,\"a\nb\"\n2", false, Some((7, 8))),
            ("1,\"a\"\"\nb\"\n2", false, Some((9, 10))),
            ("a\"\"b\n2\"", false, Some((4, 5))),
            ("1\r\n2", false, Some((1, 3))),
            ("1\r", false, None),
            ("1\r", true, Some((1, 2))),
            ("1,a", false, None),
            ("1,a", true, Some((3, 3))),
            ("", true, None),
        ] {
            let found = frame(text.as_bytes(), &plain, all).map(|frame| (frame.length, frame.consumed));
            assert_eq!(found, expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_one_field(values in proptest::collection::vec("[a\",\n\r; ]{0,8}", 1..5)) {
            let options = CsvOptions::default();
            let line: Vec<_> = values.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
            let text = line.join(",") + "\nrest";
            let frame = frame(text.as_bytes(), &options, false).unwrap();
            prop_assert_eq!(&text[frame.consumed..], "rest");
            prop_assert_eq!(fields(&text[..frame.length], &options), Ok(values));
        }

        #[test]
        fn what_is_swept_is_what_is_framed_and_split(text in "[ab,\"\n\r \t\u{1}]{0,24}", quotes in any::<bool>(), all in any::<bool>()) {
            let options = CsvOptions { quote: quotes.then_some(b'"'), ..CsvOptions::default() };
            let (mut swept, mut parted) = (Fields::default(), Fields::default());
            if let Some(found) = sweep(text.as_bytes(), &options, all, &mut swept) {
                prop_assert_eq!(Some(found), frame(text.as_bytes(), &options, all));
                let record = &text.as_bytes()[..found.length];
                prop_assert_eq!(split(record, &options, &mut parted), Ok(()));
                let fields = |of: &Fields| (0..of.len()).map(|index| of.get(index, record).map(<[u8]>::to_vec)).collect::<Vec<_>>();
                prop_assert_eq!(fields(&swept), fields(&parted));
            }
        }

        #[test]
        fn leaping_and_stepping_end_at_the_same_byte(text in "[ab,\"\n\r]{0,24}", quotes in any::<bool>(), all in any::<bool>()) {
            let options = CsvOptions { quote: quotes.then_some(b'"'), ..CsvOptions::default() };
            prop_assert_eq!(leap(text.as_bytes(), &options, all), step(text.as_bytes(), &options, all));
        }
    }
}
