//! Sets of characters: predefined ones, and those that `\p{...}` names.
//!
//! Source: `java.util.regex.CharPredicates` of Java 17.

use std::fmt::Write as _;

use fancy_regex::Regex;

use super::{Flags, Translated, invalid, unsupported};

/// Characters, as the inside of a class.
#[derive(Clone, Debug, Default)]
pub(super) struct Set {
    body: String,
    /// Whether letters stand for themselves in any case, beyond ASCII.
    folds: bool,
}

impl Set {
    /// Written as inside a class.
    fn of(body: impl Into<String>) -> Self {
        Self { body: body.into(), folds: false }
    }

    /// From one character to another.
    pub(super) fn range(low: char, high: char) -> Self {
        let mut body = format!("\\x{{{:x}}}", u32::from(low));
        if low != high {
            // Writing into a String cannot fail.
            let _ = write!(body, "-\\x{{{:x}}}", u32::from(high));
        }
        Self::of(body)
    }

    pub(super) fn or(self, other: &Self) -> Self {
        Self { body: self.body + &other.body, folds: self.folds || other.folds }
    }

    pub(super) fn and(self, other: &Self) -> Self {
        Self { body: format!("[[{}]&&[{}]]", self.body, other.body), folds: self.folds || other.folds }
    }

    pub(super) fn negated(self) -> Self {
        Self { body: format!("[^{}]", self.body), folds: self.folds }
    }

    pub(super) fn any_case(self) -> Self {
        Self { folds: true, ..self }
    }

    /// As a class of its own.
    pub(super) fn class(&self) -> String {
        if self.folds { format!("(?i:[{}])", self.body) } else { format!("[{}]", self.body) }
    }
}

/// `\d`, `\W` and their like.
pub(super) fn predefined(letter: char, unicode: bool) -> Set {
    let set = Set::of(match (letter.to_ascii_lowercase(), unicode) {
        ('d', false) => "0-9",
        ('d', true) => r"\p{Nd}",
        ('w', false) => "a-zA-Z0-9_",
        ('w', true) => UNICODE_WORD,
        ('s', false) => SPACE,
        ('s', true) => r"\p{White_Space}",
        ('h', _) => r" \t\x{A0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}",
        _ => r"\n\x0B\x0C\r\x{85}\x{2028}\x{2029}",
    });
    if letter.is_ascii_uppercase() { set.negated() } else { set }
}

const SPACE: &str = r" \t\n\x0B\x0C\r";
const UNICODE_WORD: &str = r"\p{Alphabetic}\p{Mn}\p{Me}\p{Mc}\p{Nd}\p{Pc}\p{Join_Control}";

/// The set that `\p{name}` names.
pub(super) fn named(name: &str, flags: Flags) -> Translated<Set> {
    if let Some((key, value)) = name.split_once('=') {
        return match key.to_ascii_lowercase().as_str() {
            "sc" | "script" => script(value, name),
            "blk" | "block" => block(value),
            "gc" | "general_category" => category(value, flags).map_or_else(|| unknown(name), Ok),
            _ => invalid(format!("Unknown Unicode property {{name=<{key}>, value=<{value}>}}")),
        };
    }
    if let Some(value) = name.strip_prefix("In") {
        return block(value);
    }
    if let Some(value) = name.strip_prefix("Is") {
        return match binary(value).map(Set::of).or_else(|| category(value, flags)) {
            Some(set) => Ok(set),
            None => script(value, name),
        };
    }
    if flags.unicode_classes
        && let Some(body) = binary(name)
    {
        return Ok(Set::of(body));
    }
    if let Some(set) = posix(name, flags).or_else(|| category(name, flags)) {
        return Ok(set);
    }
    match java(name) {
        Some(body) => Ok(Set::of(body)),
        None if name.starts_with("java") => unsupported(format!("the property `{name}`")),
        None => unknown(name),
    }
}

fn unknown<T>(name: &str) -> Translated<T> {
    invalid(format!("Unknown character property name {{{name}}}"))
}

/// POSIX's, which are ASCII's.
fn posix(name: &str, flags: Flags) -> Option<Set> {
    Some(Set::of(match name {
        "Lower" | "Upper" if flags.any_case => "a-zA-Z",
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "ASCII" => r"\x00-\x7F",
        "Alpha" => "a-zA-Z",
        "Digit" => "0-9",
        "Alnum" => "0-9a-zA-Z",
        "Punct" => r"!-/:-@\[-`\{-~",
        "Graph" => "!-~",
        "Print" => " -~",
        "Blank" => r" \t",
        "Cntrl" => r"\x00-\x1F\x7F",
        "XDigit" => "0-9a-fA-F",
        "Space" => SPACE,
        _ => return None,
    }))
}

/// Unicode's general categories and Java's groups of them.
fn category(name: &str, flags: Flags) -> Option<Set> {
    const CATEGORIES: [&str; 37] = [
        "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Me", "Mc", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Pd", "Ps", "Pe", "Pc",
        "Po", "Sm", "Sc", "Sk", "So", "Pi", "Pf", "L", "M", "N", "Z", "C", "P", "S", "LC",
    ];
    Some(Set::of(match name {
        "Lu" | "Ll" | "Lt" if flags.any_case => r"\p{Lu}\p{Ll}\p{Lt}".to_owned(),
        "LC" => r"\p{Lu}\p{Ll}\p{Lt}".to_owned(),
        "LD" => r"\p{L}\p{Nd}".to_owned(),
        "L1" => r"\x00-\x{FF}".to_owned(),
        "all" => r"\x00-\x{10FFFF}".to_owned(),
        // No text here holds half a character.
        "Cs" => r"[^\x00-\x{10FFFF}]".to_owned(),
        name if CATEGORIES.contains(&name) => format!("\\p{{{name}}}"),
        _ => return None,
    }))
}

/// Unicode's binary properties, in any case.
fn binary(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_uppercase().as_str() {
        "ALPHABETIC" | "ALPHA" => r"\p{Alphabetic}",
        "LETTER" => r"\p{L}",
        "IDEOGRAPHIC" => r"\p{Ideographic}",
        "LOWERCASE" | "LOWER" => r"\p{Lowercase}",
        "UPPERCASE" | "UPPER" => r"\p{Uppercase}",
        "TITLECASE" => r"\p{Lt}",
        "WHITE_SPACE" | "WHITESPACE" | "SPACE" => r"\p{White_Space}",
        "CONTROL" | "CNTRL" => r"\p{Cc}",
        "PUNCTUATION" | "PUNCT" => r"\p{P}",
        "HEX_DIGIT" | "HEXDIGIT" | "XDIGIT" => r"\p{Nd}\p{Hex_Digit}",
        "ASSIGNED" => r"\P{Cn}",
        "NONCHARACTER_CODE_POINT" | "NONCHARACTERCODEPOINT" => r"\p{Noncharacter_Code_Point}",
        "DIGIT" => r"\p{Nd}",
        "ALNUM" => r"\p{Alphabetic}\p{Nd}",
        "WORD" => UNICODE_WORD,
        "JOIN_CONTROL" | "JOINCONTROL" => r"\p{Join_Control}",
        _ => return None,
    })
}

/// The methods of `java.lang.Character`.
fn java(name: &str) -> Option<&'static str> {
    Some(match name {
        "javaLowerCase" => r"\p{Lowercase}",
        "javaUpperCase" => r"\p{Uppercase}",
        "javaAlphabetic" => r"\p{Alphabetic}",
        "javaIdeographic" => r"\p{Ideographic}",
        "javaTitleCase" => r"\p{Lt}",
        "javaDigit" => r"\p{Nd}",
        "javaDefined" => r"\P{Cn}",
        "javaLetter" => r"\p{L}",
        "javaLetterOrDigit" => r"\p{L}\p{Nd}",
        "javaSpaceChar" => r"\p{Z}",
        "javaWhitespace" => r"\t-\r\x1C-\x1F\p{Zl}\p{Zp}[\p{Zs}&&[^\x{A0}\x{2007}\x{202F}]]",
        "javaISOControl" => r"\x00-\x1F\x7F-\x{9F}",
        _ => return None,
    })
}

/// A script, in any case.
fn script(value: &str, name: &str) -> Translated<Set> {
    let body = format!("\\p{{Script={value}}}");
    let is_word = value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_word && Regex::new(&body).is_ok() { Ok(Set::of(body)) } else { unknown(name) }
}

/// The blocks of the scripts that people write; Unicode has 300 more.
fn block(name: &str) -> Translated<Set> {
    const BLOCKS: [(&str, &str); 22] = [
        ("BASICLATIN", r"\x00-\x7F"),
        ("LATIN1SUPPLEMENT", r"\x{80}-\x{FF}"),
        ("LATINEXTENDEDA", r"\x{100}-\x{17F}"),
        ("LATINEXTENDEDB", r"\x{180}-\x{24F}"),
        ("GREEK", r"\x{370}-\x{3FF}"),
        ("GREEKANDCOPTIC", r"\x{370}-\x{3FF}"),
        ("CYRILLIC", r"\x{400}-\x{4FF}"),
        ("ARMENIAN", r"\x{530}-\x{58F}"),
        ("HEBREW", r"\x{590}-\x{5FF}"),
        ("ARABIC", r"\x{600}-\x{6FF}"),
        ("DEVANAGARI", r"\x{900}-\x{97F}"),
        ("THAI", r"\x{E00}-\x{E7F}"),
        ("GEORGIAN", r"\x{10A0}-\x{10FF}"),
        ("GENERALPUNCTUATION", r"\x{2000}-\x{206F}"),
        ("CURRENCYSYMBOLS", r"\x{20A0}-\x{20CF}"),
        ("CJKSYMBOLSANDPUNCTUATION", r"\x{3000}-\x{303F}"),
        ("HIRAGANA", r"\x{3040}-\x{309F}"),
        ("KATAKANA", r"\x{30A0}-\x{30FF}"),
        ("CJKUNIFIEDIDEOGRAPHS", r"\x{4E00}-\x{9FFF}"),
        ("HANGULSYLLABLES", r"\x{AC00}-\x{D7AF}"),
        ("HALFWIDTHANDFULLWIDTHFORMS", r"\x{FF00}-\x{FFEF}"),
        ("EMOTICONS", r"\x{1F600}-\x{1F64F}"),
    ];
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    match BLOCKS.iter().find(|(known, _)| *known == plain) {
        Some((_, body)) => Ok(Set::of(*body)),
        None => unsupported(format!("the Unicode block `{name}`")),
    }
}
