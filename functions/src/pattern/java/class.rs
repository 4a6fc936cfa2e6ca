//! Classes in brackets: unions, intersections, ranges.

use super::escape::Escaped;
use super::property::Set;
use super::{Flags, Translated, Translator, invalid, unsupported};

/// Classes within classes, at most.
const DEPTH_MAX: usize = 60;

impl Translator {
    /// Behind `[`, up to and with its `]`.
    pub(super) fn class(&mut self) -> Translated<String> {
        self.inside(true, 0).map(|set| set.class())
    }

    /// The members of a class. `opened`: behind its bracket, which is closed here, and not behind an `&&` within it.
    fn inside(&mut self, opened: bool, depth: usize) -> Translated<Set> {
        if depth > DEPTH_MAX {
            return unsupported(format!("more than {DEPTH_MAX} classes within each other"));
        }
        let negated = opened && self.takes('^');
        let mut members: Option<Set> = None;
        loop {
            let Some(c) = self.peek() else { return invalid("Unclosed character class") };
            let more = match c {
                '[' => {
                    self.at += 1;
                    self.inside(true, depth + 1)?
                }
                '&' if self.chars.get(self.at + 1) == Some(&'&') => {
                    self.at += 2;
                    members = Some(self.intersection(members, depth)?);
                    continue;
                }
                ']' if members.is_some() => {
                    self.at += usize::from(opened);
                    let set = members.unwrap_or_default();
                    return Ok(if negated { set.negated() } else { set });
                }
                _ => self.range()?,
            };
            members = Some(match members {
                Some(known) => known.or(&more),
                None => more,
            });
        }
    }

    /// What stands behind `&&`.
    fn intersection(&mut self, left: Option<Set>, depth: usize) -> Translated<Set> {
        let mut right: Option<Set> = None;
        while let Some(c) = self.peek().filter(|c| !matches!(c, ']' | '&')) {
            let more = if c == '[' {
                self.at += 1;
                self.inside(true, depth + 1)?
            } else {
                self.inside(false, depth + 1)?
            };
            right = Some(match right {
                Some(known) => known.or(&more),
                None => more,
            });
        }
        match (left, right) {
            (Some(left), Some(right)) => Ok(left.and(&right)),
            (Some(only), None) | (None, Some(only)) => Ok(only),
            (None, None) => invalid("Bad class syntax"),
        }
    }

    /// A character, a range of them, or an escape.
    fn range(&mut self) -> Translated<Set> {
        let low = match self.member()? {
            Escaped::Char(c) => c,
            Escaped::Set(set) => return Ok(set),
        };
        if self.peek() != Some('-') || matches!(self.chars.get(self.at + 1), Some('[' | ']')) {
            return Ok(span(low, low, self.flags));
        }
        self.at += 1;
        match self.member()? {
            Escaped::Char(high) if low <= high => Ok(span(low, high, self.flags)),
            _ => invalid("Illegal character range"),
        }
    }

    fn member(&mut self) -> Translated<Escaped> {
        match self.next() {
            Some('\\') => self.escaped(),
            Some(c) => Ok(Escaped::Char(c)),
            None => invalid("Unclosed character class"),
        }
    }
}

/// The characters from one to another, in both cases where that counts.
fn span(low: char, high: char, flags: Flags) -> Set {
    let mut set = Set::range(low, high);
    if !flags.any_case {
        return set;
    }
    if flags.unicode_case {
        return set.any_case();
    }
    for (first, last, other) in [('a', 'z', 'A'), ('A', 'Z', 'a')] {
        let (from, to) = (low.max(first), high.min(last));
        if from <= to {
            let moved = |c: char| char::from(other as u8 + (c as u8 - first as u8));
            set = set.or(&Set::range(moved(from), moved(to)));
        }
    }
    set
}
