//! Patterns as Java reads them: what matches, and what is refused.

use super::*;

/// Whether each text holds a match of the expression.
fn check(pattern: &str, found: &[(&str, bool)]) {
    let regex = compile(pattern).unwrap_or_else(|refusal| panic!("{pattern}: {refusal:?}"));
    for (text, expected) in found {
        assert_eq!(regex.is_match(text).unwrap(), *expected, "`{pattern}` in {text:?}, as `{}`", regex.as_str());
    }
}

#[test]
fn javas_classes_are_asciis() {
    check(r"^\w+$", &[("été", false), ("a_1", true)]);
    check(r"^[\w]+$", &[("abc_1", true)]);
    check(r"\d", &[("٣", false), ("3", true)]);
    check(r"(?U)^\w+$", &[("été", true)]);
    check(r"\p{Alpha}", &[("é", false), ("e", true)]);
    check(r"^\P{Alpha}+$", &[("é1", true), ("a", false)]);
    check(r"\p{L}", &[("é", true), ("1", false)]);
    check(r"\pL", &[("é", true)]);
    check(r"\p{IsCyrillic}", &[("я", true), ("r", false)]);
    check(r"\p{InHiragana}", &[("あ", true), ("ア", false)]);
    check(r"[[:alpha:]]", &[("l", true), ("x", false), (":", true)]);
}

#[test]
fn classes_are_united_and_intersected() {
    check("^[a-z&&[^aeiou]]+$", &[("xyz", true), ("xez", false)]);
    check("^[a-d[m-p]]$", &[("b", true), ("n", true), ("e", false)]);
    check("^[^a-d[m-p]]$", &[("b", false), ("n", false), ("e", true)]);
    check("^a[]]b$", &[("a]b", true)]);
    check(r"^[a\-z]$", &[("-", true), ("m", false)]);
    check("^[a-]$", &[("-", true), ("a", true)]);
}

#[test]
fn lines_end_as_in_java() {
    check("^a.c$", &[("a\nc", false), ("abc\n", true), ("abc\r\n", true), ("abc\n\n", false)]);
    check("(?s)a.c", &[("a\nc", true)]);
    check("(?m)^b$", &[("a\nb\nc", true), ("ab", false)]);
    check("(?d)a.c", &[("a\rc", true), ("a\nc", false)]);
    check(r"b\Z", &[("ab\n", true)]);
    check(r"b\z", &[("ab\n", false), ("ab", true)]);
}

#[test]
fn cases_are_folded_within_ascii_unless_told() {
    check("(?i)abc", &[("aBC", true)]);
    check("(?i)é", &[("É", false), ("é", true)]);
    check("(?iu)é", &[("É", true)]);
    check("(?i)k", &[("K", true), ("\u{212A}", false)]);
    check("(?i)^[a-c]$", &[("B", true), ("D", false)]);
    check("a(?i)b(?-i)c", &[("aBc", true), ("aBC", false)]);
    check("(?i:a)b", &[("Ab", true), ("AB", false)]);
    check("(?x) a b # comment", &[("ab", true)]);
}

#[test]
fn groups_are_referred_to_and_looked_around() {
    check(r"(abc)\1", &[("abcabc", true), ("abcab", false)]);
    check(r"(?<n>a)\k<n>", &[("aa", true), ("ab", false)]);
    check(r"(a)\11", &[("aa1", true)]);
    check(r"\1a", &[("a", false)]);
    check("foo(?!bar)", &[("foobaz", true), ("foobar", false)]);
    check("(?<=x)bar", &[("xbar", true), ("ybar", false)]);
    check("a++a", &[("aaa", false)]);
    check("a{2,3}", &[("aa", true), ("a", false)]);
    check(r"\Qa.c\E$", &[("a.c", true), ("abc", false)]);
    check(r"\x41\u0042\0103", &[("ABC", true)]);
}

#[test]
fn what_java_refuses_is_refused() {
    for pattern in ["(", ")", "[a", "a{", "a{,2}", "*a", "a**", r"\y", r"\", "[z-a]", "(?z)a", r"\p{Nope}", r"\k<n>", "(?P<n>a)", "a{3,2}"]
    {
        assert!(matches!(compile(pattern), Err(Refusal::Invalid(_))), "{pattern}: {:?}", compile(pattern).map(|regex| regex.to_string()));
    }
    for pattern in [r"\X", r"\N{DIGIT ONE}", r"\p{InTibetan}", &"(".repeat(100)] {
        assert!(matches!(compile(pattern), Err(Refusal::Unsupported(_))), "{pattern}");
    }
}
