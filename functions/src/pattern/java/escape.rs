//! What stands behind a backslash.

use super::property::{self, Set};
use super::{Translated, Translator, invalid, unsupported};

/// What an escape means within a class and without.
pub(super) enum Escaped {
    /// One character.
    Char(char),
    /// One of several.
    Set(Set),
}

impl Translator {
    /// Behind a backslash, outside a class.
    pub(super) fn escape(&mut self) -> Translated<()> {
        let next = self.chars.get(self.at).copied();
        let written = match next {
            Some('A') => r"\A",
            Some('G') => r"\G",
            Some('z') => r"\z",
            Some('Z') => {
                self.at += 1;
                let end = self.dollar(false);
                self.out.push_str(&end);
                return Ok(());
            }
            Some('B') => r"\B",
            Some('b') if self.chars.get(self.at + 1) == Some(&'{') => return unsupported(r"grapheme boundaries, \b{g}"),
            Some('b') => r"\b",
            Some('R') => r"(?:\r\n|[\n\x0B\x0C\r\x{85}\x{2028}\x{2029}])",
            Some('X') => return unsupported(r"grapheme clusters, \X"),
            Some('1'..='9') => return self.reference(),
            Some('k') => {
                self.at += 1;
                return self.named_reference();
            }
            _ => {
                match self.escaped()? {
                    Escaped::Char(c) => self.literal(c),
                    Escaped::Set(set) => {
                        let class = set.class();
                        self.out.push_str(&class);
                    }
                }
                return Ok(());
            }
        };
        self.at += 1;
        self.out.push_str(written);
        Ok(())
    }

    /// A character or a set of them: what may stand in a class, too.
    pub(super) fn escaped(&mut self) -> Translated<Escaped> {
        let Some(c) = self.raw() else { return invalid("Unexpected internal error: a backslash ends the pattern") };
        Ok(Escaped::Char(match c {
            'd' | 'D' | 'h' | 'H' | 's' | 'S' | 'v' | 'V' | 'w' | 'W' => {
                return Ok(Escaped::Set(property::predefined(c, self.flags.unicode_classes)));
            }
            'p' | 'P' => return self.property(c == 'P').map(Escaped::Set),
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\x0C',
            'a' => '\x07',
            'e' => '\x1B',
            'c' => match self.raw() {
                Some(control) => char::from_u32(u32::from(control) ^ 64).unwrap_or(control),
                None => return invalid("Illegal control escape sequence"),
            },
            '0' => self.octal()?,
            'x' => self.hexadecimal()?,
            'u' => self.unicode()?,
            'N' => return unsupported(r"characters by name, \N{...}"),
            c if c.is_ascii_alphanumeric() => return invalid(format!("Illegal/unsupported escape sequence `\\{c}`")),
            c => c,
        }))
    }

    /// `\1`, and another digit where there are as many groups so far.
    fn reference(&mut self) -> Translated<()> {
        let mut number = 0;
        while let Some(digit) = self.chars.get(self.at).and_then(|c| c.to_digit(10)) {
            let longer = number * 10 + digit as usize;
            if number > 0 && longer > self.groups {
                break;
            }
            number = longer;
            self.at += 1;
        }
        self.refer(number);
        Ok(())
    }

    fn named_reference(&mut self) -> Translated<()> {
        if !self.takes('<') {
            return invalid(r"\k is not followed by '<' for named capturing group");
        }
        let name = self.group_name(None)?;
        match self.names.iter().find(|(known, _)| *known == name) {
            Some((_, number)) => {
                let number = *number;
                self.refer(number);
                Ok(())
            }
            None => invalid(format!("named capturing group <{name}> does not exist")),
        }
    }

    /// A group that never opens never matches.
    fn refer(&mut self, number: usize) {
        let reference = match number <= self.groups_all {
            true if self.flags.any_case => format!(r"(?i:\{number})"),
            true => format!(r"(?:\{number})"),
            false => "(?!)".to_owned(),
        };
        self.out.push_str(&reference);
    }

    /// `\0` and up to three octal digits, 377 at most.
    fn octal(&mut self) -> Translated<char> {
        let mut value = 0;
        let mut digits = 0;
        while let Some(digit) = self.chars.get(self.at).and_then(|c| c.to_digit(8)) {
            if digits == 3 || value * 8 + digit > 0o377 {
                break;
            }
            value = value * 8 + digit;
            digits += 1;
            self.at += 1;
        }
        match char::from_u32(value) {
            Some(c) if digits > 0 => Ok(c),
            _ => invalid("Illegal octal escape sequence"),
        }
    }

    /// `\x41`, `\x{1F600}`.
    fn hexadecimal(&mut self) -> Translated<char> {
        let code = if self.takes('{') {
            let digits: String = self.chars[self.at..].iter().take_while(|c| c.is_ascii_hexdigit()).collect();
            self.at += digits.len();
            if self.takes('}') { u32::from_str_radix(&digits, 16).ok() } else { None }
        } else {
            self.digits(2)
        };
        match code.and_then(char::from_u32) {
            Some(c) => Ok(c),
            None => invalid("Illegal hexadecimal escape sequence"),
        }
    }

    /// `\u0041`; two of them where they are the halves of one character.
    fn unicode(&mut self) -> Translated<char> {
        let Some(code) = self.digits(4) else { return invalid("Illegal Unicode escape sequence") };
        let here = self.at;
        if (0xD800..0xDC00).contains(&code)
            && self.takes('\\')
            && self.takes('u')
            && let Some(low) = self.digits(4)
            && (0xDC00..0xE000).contains(&low)
            && let Some(c) = char::from_u32(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00))
        {
            return Ok(c);
        }
        self.at = here;
        char::from_u32(code).map_or_else(|| unsupported("half a character"), Ok)
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let digits: String = self.chars.get(self.at..self.at + count)?.iter().collect();
        let code = digits.chars().all(|c| c.is_ascii_hexdigit()).then(|| u32::from_str_radix(&digits, 16).ok())??;
        self.at += count;
        Some(code)
    }

    /// Behind `\p` or `\P`.
    fn property(&mut self, negated: bool) -> Translated<Set> {
        let name = match self.raw() {
            Some('{') => {
                let rest = &self.chars[self.at..];
                let Some(length) = rest.iter().position(|c| *c == '}') else { return invalid("Unclosed character family") };
                let name: String = rest[..length].iter().collect();
                self.at += length + 1;
                name
            }
            Some(letter) => letter.to_string(),
            None => return invalid("Unknown character property name"),
        };
        property::named(&name, self.flags).map(|set| if negated { set.negated() } else { set })
    }
}
