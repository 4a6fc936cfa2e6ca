//! A walk over the bytes of one JSON record: strings, numbers, and stepping over what nobody asked for.
//!
//! Accepts what Jackson accepts with control characters allowed inside strings; nesting is bounded by `limits::JSON_DEPTH_MAX`.
//! Knows nothing of columns and types. Strings are handed out as they stand in the record; text is checked to be UTF-8 where it is
//! taken, not where it is stepped over.

use irmak_common::limits::JSON_DEPTH_MAX;

/// Where the record stops being JSON, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    pub(super) at: usize,
    pub(super) reason: &'static str,
}

type Result<T> = std::result::Result<T, Syntax>;

/// A position in a record.
pub(super) struct Cursor<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

/// A string as it stands between its quotes.
#[derive(Clone, Copy)]
pub(super) struct RawString<'a> {
    pub(super) bytes: &'a [u8],
    /// Holds backslashes.
    pub(super) escaped: bool,
    /// Holds nothing but ASCII.
    pub(super) ascii: bool,
}

/// A number as it stands, and what was learned on the way.
#[derive(Clone, Copy)]
pub(super) struct Number<'a> {
    pub(super) text: &'a [u8],
    pub(super) negative: bool,
    /// Has a fraction or an exponent.
    pub(super) float: bool,
    /// All digits before the exponent, if there are at most 18; with `exponent`, the number is `mantissa * 10^exponent`.
    pub(super) mantissa: Option<u64>,
    pub(super) exponent: i32,
}

const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
const ONES: u64 = 0x0101_0101_0101_0101;

/// A bit in each byte of `word` that equals the byte repeated in `pattern` (bytes behind the first may be wrong).
///
/// Source: "Bit Twiddling Hacks", determine if a word has a zero byte.
fn equal_bytes(word: u64, pattern: u64) -> u64 {
    let differing = word ^ pattern;
    differing.wrapping_sub(ONES) & !differing & HIGH_BITS
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    pub(super) fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Takes this byte if it is next.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn wrong<T>(&self, reason: &'static str) -> Result<T> {
        let reason = if self.at >= self.bytes.len() { "the record ends too early" } else { reason };
        Err(Syntax { at: self.at, reason })
    }

    /// Takes this word (`null`, `true`, `false`), which must not go on.
    pub(super) fn word(&mut self, word: &'static [u8]) -> Result<()> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.starts_with(word) && !rest.get(word.len()).is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            self.at += word.len();
            return Ok(());
        }
        self.wrong("a value is expected: a string, a number, true, false, null, an object or an array")
    }

    /// Takes a string; the cursor stands on its opening quote.
    #[inline]
    pub(super) fn string(&mut self) -> Result<RawString<'a>> {
        if !self.take(b'"') {
            return self.wrong("a string in double quotes is expected");
        }
        let start = self.at;
        let (mut seen, mut escaped) = (0u64, false);
        loop {
            while let Some(chunk) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
                let word = u64::from_le_bytes(*chunk);
                let stops = equal_bytes(word, ONES * u64::from(b'"')) | equal_bytes(word, ONES * u64::from(b'\\'));
                if stops != 0 {
                    let before = (stops.trailing_zeros() / 8) as usize;
                    // Bytes from the stop on are none of the string's, or are looked at again.
                    seen |= word & !(u64::MAX << (before * 8));
                    self.at += before;
                    break;
                }
                seen |= word;
                self.at += 8;
            }
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(byte) => {
                    seen |= u64::from(byte);
                    self.at += 1;
                }
                None => return Err(Syntax { at: start, reason: "a string does not end" }),
            }
        }
        let bytes = &self.bytes[start..self.at];
        self.at += 1;
        // The byte behind a backslash was not looked at.
        Ok(RawString { bytes, escaped, ascii: if escaped { bytes.is_ascii() } else { seen & HIGH_BITS == 0 } })
    }

    /// Takes a number; the cursor stands on its sign or first digit.
    #[inline]
    pub(super) fn number(&mut self) -> Result<Number<'a>> {
        let start = self.at;
        let negative = self.take(b'-');
        let whole_start = self.at;
        let mut mantissa = self.digits(0);
        let whole = self.at - whole_start;
        if whole == 0 {
            return self.wrong("a number has no digits");
        }
        if whole > 1 && self.bytes[whole_start] == b'0' {
            return Err(Syntax { at: whole_start, reason: "a number begins with a superfluous zero" });
        }
        let (mut exponent, mut digits, mut float) = (0i32, whole, false);
        if self.take(b'.') {
            let fraction_start = self.at;
            mantissa = self.digits(mantissa);
            let fraction = self.at - fraction_start;
            if fraction == 0 {
                return self.wrong("a number has no digits behind its point");
            }
            (exponent, digits, float) = (-(fraction as i32), digits + fraction, true);
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            let down = matches!(self.peek(), Some(b'-'));
            if let Some(b'-' | b'+') = self.peek() {
                self.at += 1;
            }
            let exponent_start = self.at;
            let power = self.digits(0);
            let length = self.at - exponent_start;
            if length == 0 {
                return self.wrong("a number has no digits in its exponent");
            }
            // A longer exponent is beyond every type; the text is looked at where that matters.
            let power = if length > 9 { 1_000_000_000 } else { power as i32 };
            exponent = exponent.saturating_add(if down { -power } else { power });
            float = true;
        }
        let mantissa = (digits <= 18).then_some(mantissa);
        Ok(Number { text: &self.bytes[start..self.at], negative, float, mantissa, exponent })
    }

    /// Takes digits, added to `value`; wraps beyond 64 bits, which the caller finds out by their count.
    #[inline]
    fn digits(&mut self, mut value: u64) -> u64 {
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            value = value.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
            self.at += 1;
        }
        value
    }

    /// Steps over a value.
    pub(super) fn skip_value(&mut self, depth: usize) -> Result<()> {
        self.skip_space();
        match self.peek() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.number().map(|_| ()),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'{') => {
                self.at += 1;
                self.members(b'}', depth, |cursor| {
                    cursor.string()?;
                    cursor.colon()?;
                    cursor.skip_value(depth + 1)
                })
            }
            Some(b'[') => {
                self.at += 1;
                self.members(b']', depth, |cursor| cursor.skip_value(depth + 1))
            }
            _ => self.word(b"null"),
        }
    }

    /// Takes a colon and the space around it.
    #[inline]
    pub(super) fn colon(&mut self) -> Result<()> {
        self.skip_space();
        if !self.take(b':') {
            return self.wrong("a colon is expected behind a key");
        }
        self.skip_space();
        Ok(())
    }

    /// Takes the members of an object or array up to its end; the cursor stands behind the opening bracket.
    pub(super) fn members<E: From<Syntax>>(
        &mut self,
        end: u8,
        depth: usize,
        mut member: impl FnMut(&mut Self) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        if depth >= JSON_DEPTH_MAX {
            return Err(Syntax { at: self.at, reason: "nested deeper than 500 levels" }.into());
        }
        self.skip_space();
        if self.take(end) {
            return Ok(());
        }
        loop {
            member(self)?;
            self.skip_space();
            if self.take(b',') {
                self.skip_space();
                continue;
            }
            if self.take(end) {
                return Ok(());
            }
            return Ok(self.wrong("a comma or the closing bracket is expected")?);
        }
    }
}

/// Appends a string's text, its escapes resolved. A lone surrogate becomes `?`, as Java's UTF-8 encoder writes it.
pub(super) fn unescape(raw: RawString<'_>, out: &mut Vec<u8>) -> std::result::Result<(), &'static str> {
    if !raw.ascii && std::str::from_utf8(raw.bytes).is_err() {
        return Err("the text is not UTF-8");
    }
    if !raw.escaped {
        out.extend_from_slice(raw.bytes);
        return Ok(());
    }
    let mut rest = raw.bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        out.extend_from_slice(&rest[..at]);
        let escape = *rest.get(at + 1).ok_or("a backslash stands at the end of a string")?;
        rest = &rest[at + 2..];
        let plain = match escape {
            b'"' | b'\\' | b'/' => escape,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                rest = unicode(rest, out)?;
                continue;
            }
            _ => return Err("a backslash is followed by something that is no escape"),
        };
        out.push(plain);
    }
    out.extend_from_slice(rest);
    Ok(())
}

/// Appends the character of `\uXXXX` (the cursor behind the `u`), taking a second half with it; returns what is behind.
fn unicode<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> std::result::Result<&'a [u8], &'static str> {
    const BAD: &str = "\\u is not followed by four hexadecimal digits";
    let unit = hex4(rest).ok_or(BAD)?;
    let rest = &rest[4..];
    let (code, rest) = match unit {
        0xD800..=0xDBFF => match rest.strip_prefix(b"\\u").and_then(|low| Some((hex4(low)?, &low[4..]))) {
            Some((low @ 0xDC00..=0xDFFF, rest)) => (0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00), rest),
            _ => (u32::from(b'?'), rest),
        },
        _ => (unit, rest),
    };
    let character = char::from_u32(code).unwrap_or('?');
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(rest)
}

fn hex4(text: &[u8]) -> Option<u32> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    text.get(..4)?.iter().try_fold(0, |value, byte| Some(value << 4 | digit(byte)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(json: &str) -> std::result::Result<String, &'static str> {
        let raw = Cursor::new(json.as_bytes()).string().map_err(|syntax| syntax.reason)?;
        let mut out = Vec::new();
        unescape(raw, &mut out)?;
        String::from_utf8(out).map_err(|_| "not UTF-8")
    }

    #[test]
    fn strings_are_unescaped_as_jackson_does() {
        for (json, expected) in [
            (r#""""#, Ok("")),
            (r#""a\nb\tc\\d\"e\/f""#, Ok("a\nb\tc\\d\"e/f")),
            (r#""\u00e9\u0041""#, Ok("éA")),
            (r#""\ud83d\ude00""#, Ok("😀")),
            (r#""\ud83d""#, Ok("?")),
            (r#""\ud83dx""#, Ok("?x")),
            (r#""\ude00""#, Ok("?")),
            (r#""\u00g1""#, Err("\\u is not followed by four hexadecimal digits")),
            (r#""\x""#, Err("a backslash is followed by something that is no escape")),
            (r#""open"#, Err("a string does not end")),
        ] {
            assert_eq!(text(json), expected.map(str::to_owned), "{json}");
        }
    }

    #[test]
    fn only_json_can_be_stepped_over() {
        for good in ["{}", "[]", r#"{"a":[1,2.5e3,{"b":null}],"c":"x"}"#, "[[[]]]", "-0", "true"] {
            let mut cursor = Cursor::new(good.as_bytes());
            assert_eq!(cursor.skip_value(0), Ok(()), "{good}");
            assert_eq!(cursor.at, good.len(), "{good}");
        }
        let deep = "[".repeat(100_000);
        for bad in ["", "{", "[1 2]", r#"{"a" 1}"#, "{1:2}", "01", "1.", "1e", "nul", "nulls", "[1,]", deep.as_str()] {
            assert!(Cursor::new(bad.as_bytes()).skip_value(0).is_err(), "{bad:.20}");
        }
    }

    proptest! {
        #[test]
        fn a_string_is_found_whatever_stands_in_it(value in any::<String>(), behind in ".{0,20}") {
            let json = serde_json::to_string(&value).unwrap();
            let record = format!("{json}{behind}");
            let mut cursor = Cursor::new(record.as_bytes());
            let raw = cursor.string().unwrap();
            prop_assert_eq!(cursor.at, json.len());
            prop_assert_eq!(raw.ascii, raw.bytes.is_ascii());
            prop_assert_eq!(text(&json), Ok(value));
        }

        #[test]
        fn no_bytes_make_the_cursor_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Cursor::new(&bytes).skip_value(0);
            let _ = Cursor::new(&bytes).string();
            let _ = Cursor::new(&bytes).number();
        }
    }
}
