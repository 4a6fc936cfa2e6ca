//! `sasl.jaas.config`, the Java client's way to say user and password, taken apart.
//!
//! ```text
//! org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="p";
//! ```

/// What a login module was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Login {
    /// The class's last name: `PlainLoginModule`.
    pub(super) module: String,
    /// Its options, in order.
    pub(super) options: Vec<(String, String)>,
}

impl Login {
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Takes a JAAS entry apart; `None` where it is none.
pub(super) fn parse(text: &str) -> Option<Login> {
    let mut words = Words { rest: text.trim() };
    let class = words.plain()?;
    let flag = words.plain()?;
    if !matches!(flag, "required" | "requisite" | "sufficient" | "optional") {
        return None;
    }
    let mut options = Vec::new();
    loop {
        words.space();
        if words.rest.is_empty() || words.rest == ";" {
            break;
        }
        let key = words.key()?.to_owned();
        options.push((key, words.value()?));
    }
    let module = class.rsplit('.').next().unwrap_or(class).to_owned();
    Some(Login { module, options })
}

struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, end: usize) -> Option<&'a str> {
        let (word, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn plain(&mut self) -> Option<&'a str> {
        self.space();
        self.take(self.rest.find([' ', '\t', '\n', '\r', ';', '=']).unwrap_or(self.rest.len()))
    }

    fn key(&mut self) -> Option<&'a str> {
        let key = self.plain()?;
        self.space();
        self.rest = self.rest.strip_prefix('=')?;
        self.space();
        Some(key)
    }

    /// A quoted value with backslash escapes, or a bare one.
    fn value(&mut self) -> Option<String> {
        let Some(quote) = self.rest.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
            return self.plain().map(str::to_owned);
        };
        let mut value = String::new();
        let mut characters = self.rest[1..].char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => value.push(characters.next()?.1),
                end if end == quote => {
                    self.rest = &self.rest[at + 2..];
                    return Some(value);
                }
                plain => value.push(plain),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_login_is_taken_apart() {
        for (text, expected) in [
            (
                r#"org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="p\"; x=1";"#,
                Some(("PlainLoginModule", vec![("username", "u"), ("password", "p\"; x=1")])),
            ),
            (
                "a.ScramLoginModule required\n  username=u\n  password='p w' ;",
                Some(("ScramLoginModule", vec![("username", "u"), ("password", "p w")])),
            ),
            ("a.B required;", Some(("B", vec![]))),
            ("a.B maybe;", None),
            (r#"a.B required username="open"#, None),
            ("", None),
        ] {
            let found = parse(text);
            let shown = found.as_ref().map(|login| {
                let options = login.options.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
                (login.module.as_str(), options)
            });
            assert_eq!(shown, expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}") {
            let _ = parse(&text);
            let _ = parse(&format!("a required {text}"));
        }
    }
}
