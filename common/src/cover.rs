//! Secrets in a line of a script: covered before the line is shown to anybody.
//!
//! An error shows the line it is about, and a line may say `'properties.sasl.password' = '...'`. Which keys are secret is decided by
//! [`redact`](crate::operator_spec::redact); here is only how SQL, YAML and JSON put a key before its value. Every covered character
//! becomes a `*`, so that carets below the line keep their places.

use crate::operator_spec::redact;

/// The line with the values of secret keys covered.
pub fn cover(line: &str) -> String {
    let mut chars: Vec<char> = line.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let Some((key, behind)) = key_at(&chars, at) else {
            at += 1;
            continue;
        };
        let Some(value) = value_behind(&chars, behind) else {
            // An apostrophe may look like the beginning of a key: the next quote gets its chance.
            at = if chars[at].is_alphanumeric() { behind } else { at + 1 };
            continue;
        };
        at = behind;
        if redact(&key, "?") != "?" {
            let end = value_end(&chars, value);
            chars[value..end].fill('*');
            at = end;
        }
    }
    chars.into_iter().collect()
}

/// A key that begins here, quoted or bare, and the place behind it.
fn key_at(chars: &[char], at: usize) -> Option<(String, usize)> {
    let quote = chars[at];
    if matches!(quote, '\'' | '"' | '`') {
        let end = (at + 1..chars.len()).find(|i| chars[*i] == quote)?;
        return Some((chars[at + 1..end].iter().collect(), end + 1));
    }
    let bare = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let end = (at..chars.len()).find(|i| !bare(chars[*i])).unwrap_or(chars.len());
    (end > at).then(|| (chars[at..end].iter().collect(), end))
}

/// Where the value begins, if `=` or `:` follows.
fn value_behind(chars: &[char], at: usize) -> Option<usize> {
    let skip = |from: usize| (from..chars.len()).find(|i| !chars[*i].is_whitespace());
    let sign = skip(at).filter(|i| matches!(chars[*i], '=' | ':'))?;
    skip(sign + 1)
}

/// Where it ends: at its closing quote, which is not doubled or escaped; a bare one, or one without that quote, at the line's end.
fn value_end(chars: &[char], start: usize) -> usize {
    let quote = chars[start];
    if !matches!(quote, '\'' | '"') {
        return chars.len();
    }
    let mut at = start + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' if quote == '"' => at += 1,
            c if c == quote && chars.get(at + 1) == Some(&quote) => at += 1,
            c if c == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    chars.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_of_secret_keys_are_covered_and_nothing_else() {
        for (line, shown) in [
            ("  'sasl.password' = 'abc', 'topic' = 't'", "  'sasl.password' = *****, 'topic' = 't'"),
            ("'password'='it''s', 'x' = 'y'", "'password'=*******, 'x' = 'y'"),
            ("'properties.sasl.jaas.config' = 'a required password=\"b\";'", "'properties.sasl.jaas.config' = **************************"),
            ("      properties.ssl.key.password: hunter2", "      properties.ssl.key.password: *******"),
            (r#"{"s3.secret-key": "a\"b", "c": 1}"#, r#"{"s3.secret-key": ******, "c": 1}"#),
            ("'token' = 'unclosed", "'token' = *********"),
            ("SET 'fs.azure.account.key.x' = 'k';", "SET 'fs.azure.account.key.x' = ***;"),
            ("SELECT token, secret FROM t WHERE name = 'x'", "SELECT token, secret FROM t WHERE name = 'x'"),
            ("'scan.startup.mode' = 'soon'", "'scan.startup.mode' = 'soon'"),
            ("it's odd", "it's odd"),
            ("-- it's 'password' = 'x'", "-- it's 'password' = ***"),
        ] {
            assert_eq!(cover(line), shown);
        }
    }

    proptest! {
        #[test]
        fn carets_keep_their_places(line in ".{0,80}") {
            prop_assert_eq!(cover(&line).chars().count(), line.chars().count());
        }
    }
}
