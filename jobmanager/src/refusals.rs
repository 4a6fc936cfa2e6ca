//! The scripts that were refused last, in the words that their submitters got: for whoever opens the page because a job did not come.
//!
//! Kept in memory only. A refused script is no job: nothing about it is journaled, and a new JobManager knows of none.

use std::collections::VecDeque;

use irmak_common::limits::{REFUSED_SCRIPT_BYTES_MAX, REFUSED_SCRIPTS_MAX};

/// One refused script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Milliseconds since the epoch.
    pub at: i64,
    /// What the terminal showed, letter for letter.
    pub text: String,
}

/// The last ones, newest first.
#[derive(Debug, Default)]
pub struct Refusals(VecDeque<Refusal>);

impl Refusals {
    /// Notes one; the oldest makes room. A text that no person wrote a script for is cut.
    pub fn note(&mut self, at: i64, mut text: String) {
        if text.len() > REFUSED_SCRIPT_BYTES_MAX {
            let end = (0..=REFUSED_SCRIPT_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(end);
            text.push('…');
        }
        self.0.truncate(REFUSED_SCRIPTS_MAX - 1);
        self.0.push_front(Refusal { at, text });
    }

    /// Newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Refusal> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept_newest_first() {
        let mut refusals = Refusals::default();
        (0..100).for_each(|at| refusals.note(at, format!("error {at}")));
        let kept: Vec<i64> = refusals.iter().map(|refusal| refusal.at).collect();
        assert_eq!(kept, (0..100).rev().take(REFUSED_SCRIPTS_MAX).collect::<Vec<_>>());
    }

    #[test]
    fn a_text_beyond_its_bound_is_cut_between_characters() {
        let mut refusals = Refusals::default();
        refusals.note(0, "ş".repeat(REFUSED_SCRIPT_BYTES_MAX));
        let text = &refusals.iter().next().unwrap().text;
        assert!(text.len() <= REFUSED_SCRIPT_BYTES_MAX + "…".len() && text.ends_with("ş…"));
    }
}
