//! Looking at rows: one of each key at a time, so that a condition is computed once for all of them.

use std::collections::HashMap;

use arrow::array::BooleanArray;
use irmak_common::element::Element;
use irmak_common::time::Millis;

use super::MatchRecognize;
use super::matcher::{Match, Seen};
use super::reads::Asked;
use crate::error::EngineError;

/// A row whose turn has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) row: u32,
    pub(super) time: Millis,
    /// Of two rows of one time the one with the lesser number is looked at first.
    pub(super) number: u64,
}

/// What is done with one key.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) key: u32,
    /// Its rows, in order.
    pub(super) turns: Vec<Turn>,
    /// Time passes so far behind the last row.
    pub(super) until: Option<Millis>,
}

/// What is done with each key.
#[derive(Debug)]
pub(super) struct Visits {
    pub(super) all: Vec<Visit>,
    place: HashMap<u32, usize>,
    until: Option<Millis>,
}

impl Visits {
    /// Of no key yet.
    pub(super) fn new(until: Option<Millis>) -> Self {
        Self { all: Vec::new(), place: HashMap::new(), until }
    }

    /// The visit of a key.
    pub(super) fn of(&mut self, key: u32) -> &mut Visit {
        let Self { all, place, until } = self;
        let at = *place.entry(key).or_insert_with(|| {
            all.push(Visit { key, turns: Vec::new(), until: *until });
            all.len() - 1
        });
        &mut all[at]
    }
}

/// The answers to one condition: row `at[visit][begun]` of `holds`.
struct Answers {
    variable: usize,
    holds: Option<BooleanArray>,
    /// Of each visit of the round, where its answers begin; one an open match.
    at: Vec<u32>,
}

/// A match, and the number of the row that completed it; 0 where the passing of time let it go.
type Found = (u64, Match);

impl MatchRecognize {
    /// Looks at all rows of all visits, then writes the matches in order.
    pub(super) fn visit(&mut self, mut visits: Vec<Visit>, now: Millis, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let mut found: Vec<Found> = Vec::new();
        for visit in &mut visits {
            visit.turns.reverse();
            if visit.turns.is_empty() {
                self.pass(visit, &mut found)?;
            }
        }
        let mut round: Vec<(usize, Turn)> = Vec::new();
        loop {
            round.clear();
            for (place, visit) in visits.iter_mut().enumerate() {
                round.extend(visit.turns.pop().map(|turn| (place, turn)));
            }
            if round.is_empty() {
                break;
            }
            self.round(&visits, &round, now, &mut found)?;
        }
        // In order of time over all keys, as if the watermark had come row by row.
        found.sort_by_key(|(number, found)| (found.time, *number));
        let found: Vec<Match> = found.into_iter().map(|(_, found)| found).collect();
        self.emit(&found, now, out)
    }

    /// One row of each key that has one.
    fn round(&mut self, visits: &[Visit], round: &[(usize, Turn)], now: Millis, found: &mut Vec<Found>) -> Result<(), EngineError> {
        let mut leaving = Vec::new();
        for &(place, turn) in round {
            let key = visits[place].key as usize;
            self.matches[key].advance(&self.rules, turn.time, &mut self.buffer, &mut leaving)?;
            found.extend(leaving.drain(..).map(|found| (0, found)));
        }
        let answers = self.ask(visits, round, now)?;
        for (nth, &(place, turn)) in round.iter().enumerate() {
            let key = visits[place].key;
            let seen = Seen { row: turn.row, order: self.looked_at, time: turn.time };
            self.looked_at += 1;
            let holds = |begun: usize, variable: usize| match answers.iter().find(|answers| answers.variable == variable) {
                Some(Answers { holds: Some(holds), at, .. }) => holds.value(at[nth] as usize + begun),
                _ => true,
            };
            let began = self.matches[key as usize].row(&self.rules, seen, holds, &mut self.buffer, &mut leaving)?;
            if began && self.rules.within_ms > 0 {
                self.timers.insert((turn.time.saturating_add(self.rules.within_ms), key));
            }
            self.buffer.release_row(turn.row);
            found.extend(leaving.drain(..).map(|found| (turn.number, found)));
            if visits[place].turns.is_empty() {
                self.pass(&visits[place], found)?;
            }
        }
        Ok(())
    }

    /// Time passes behind a key's last row.
    fn pass(&mut self, visit: &Visit, found: &mut Vec<Found>) -> Result<(), EngineError> {
        let Some(until) = visit.until else { return Ok(()) };
        let mut leaving = Vec::new();
        self.matches[visit.key as usize].advance(&self.rules, until, &mut self.buffer, &mut leaving)?;
        found.extend(leaving.into_iter().map(|found| (0, found)));
        Ok(())
    }

    /// Every condition that a row of the round may be asked about, behind every match that is open for it.
    fn ask(&mut self, visits: &[Visit], round: &[(usize, Turn)], now: Millis) -> Result<Vec<Answers>, EngineError> {
        let mut asked: Vec<Vec<Asked>> = vec![Vec::new(); self.conditions.len()];
        let mut at: Vec<Vec<u32>> = vec![Vec::with_capacity(round.len()); self.conditions.len()];
        for &(place, turn) in round {
            let open = self.matches[visits[place].key as usize].asked(&self.rules);
            for (variable, condition) in self.conditions.iter().enumerate() {
                at[variable].push(asked[variable].len() as u32);
                let is_asked = |state: usize| self.rules.automaton.asked(state).contains(&variable);
                if condition.is_none() || !open.iter().any(|begun| is_asked(begun.state)) {
                    continue;
                }
                let next = Some((variable, turn.row));
                asked[variable].extend(open.iter().map(|begun| Asked { node: begun.node, next, time: turn.time }));
            }
        }
        let answer = |(variable, (asked, at)): (usize, (Vec<Asked>, Vec<u32>))| -> Result<Answers, EngineError> {
            let holds = match &self.conditions[variable] {
                Some(condition) if !asked.is_empty() => Some(condition.holds(&asked, &self.buffer, now)?),
                _ => None,
            };
            Ok(Answers { variable, holds, at })
        };
        asked.into_iter().zip(at).enumerate().map(answer).collect()
    }
}
