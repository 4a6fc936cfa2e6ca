//! The begun matches of one key, and what a row or the passing of time makes of them.
//!
//! Source: Flink's `NFA`. Every begun match is carried on side by side; a complete one leaves when no match that began before it is still
//! open, and takes others with it as AFTER MATCH SKIP says. So with equal beginnings the match that is complete first wins.
//!
//! Knows rows only by number: what a condition says of one, it is told.

use irmak_common::match_spec::AfterMatch;
use irmak_common::time::Millis;

use super::automaton::Automaton;
use super::buffer::{Buffer, NOTHING};
use super::heap::{Heap, Ranked};
use crate::error::EngineError;

/// The rank of the match that has not begun: behind all others.
const NOT_BEGUN: u64 = u64::MAX;

/// A begun match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Begun {
    /// Of the automaton.
    pub(super) state: usize,
    /// The path of its rows, which it holds.
    pub(super) node: u32,
    /// The order of its first row.
    pub(super) first: u64,
    /// The time of its first row.
    pub(super) since: Millis,
}

impl Ranked for Begun {
    fn rank(&self) -> u64 {
        self.first
    }
}

impl Begun {
    fn has_begun(&self) -> bool {
        self.first != NOT_BEGUN
    }
}

/// A match that leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// Its path, still held.
    pub(super) node: u32,
    /// `MATCH_ROWTIME()`
    pub(super) time: Millis,
}

/// What a pattern's matcher goes by.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) automaton: Automaton,
    /// 0: no limit.
    pub(super) within_ms: Millis,
    pub(super) skip: AfterMatch,
    /// The variables' names, for messages.
    pub(super) names: Vec<String>,
}

/// A row to be looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) row: u32,
    pub(super) order: u64,
    pub(super) time: Millis,
}

/// One key's matches. Fresh: none has begun.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Matches {
    /// With the match that has not begun among them, unless all is fresh.
    pub(super) open: Heap<Begun>,
    /// Complete, and waiting for those that began before them.
    pub(super) complete: Heap<Begun>,
}

impl Matches {
    /// Whether there is nothing to remember.
    pub(super) fn is_fresh(&self) -> bool {
        self.complete.is_empty() && self.open.items().iter().all(|begun| !begun.has_begun())
    }

    /// The matches whose next row is asked for. Call before [`Self::row`], which walks over them in this order.
    pub(super) fn asked(&mut self, rules: &Rules) -> &[Begun] {
        if self.open.is_empty() {
            self.open.push(Begun { state: rules.automaton.start, node: NOTHING, first: NOT_BEGUN, since: 0 });
        }
        self.open.items()
    }

    /// Looks at a row. `holds(i, variable)`: whether it meets a variable's condition behind open match `i`. Whether a match began.
    pub(super) fn row(
        &mut self,
        rules: &Rules,
        seen: Seen,
        holds: impl Fn(usize, usize) -> bool,
        buffer: &mut Buffer,
        out: &mut Vec<Match>,
    ) -> Result<bool, EngineError> {
        let (mut open, mut complete) = (Heap::new(), Heap::new());
        let mut began = false;
        for (at, begun) in self.open.take().into_iter().enumerate() {
            for step in rules.automaton.steps(begun.state, |variable| holds(at, variable)) {
                let node = buffer.extend(begun.node, step.variable, seen.row, seen.order);
                let (first, since) = if begun.has_begun() { (begun.first, begun.since) } else { (seen.order, seen.time) };
                began |= !begun.has_begun();
                let next = Begun { state: step.target, node, first, since };
                let ends_here = step.target == super::automaton::END;
                if step.complete {
                    complete.push(next);
                }
                if !ends_here {
                    if step.complete {
                        buffer.hold(node);
                    }
                    open.push(next);
                }
            }
            if begun.has_begun() {
                buffer.release(begun.node);
            } else {
                open.push(begun);
            }
        }
        self.open = open;
        self.leave(rules, complete, seen.time, buffer, out)?;
        Ok(began)
    }

    /// No row before `time` comes any more: what has run out of time is dropped. What it held back leaves at the moment of that, however
    /// far time has come (Flink: at the watermark that happened to be the first behind it).
    pub(super) fn advance(&mut self, rules: &Rules, time: Millis, buffer: &mut Buffer, out: &mut Vec<Match>) -> Result<(), EngineError> {
        if rules.within_ms <= 0 {
            return Ok(());
        }
        loop {
            let ends = |begun: &Begun| begun.since.saturating_add(rules.within_ms);
            let Some(end) = self.open.items().iter().filter(|begun| begun.has_begun()).map(ends).min().filter(|end| *end <= time) else {
                return Ok(());
            };
            let mut open = Heap::new();
            for begun in self.open.take() {
                if begun.has_begun() && ends(&begun) <= end { buffer.release(begun.node) } else { open.push(begun) }
            }
            self.open = open;
            self.leave(rules, Heap::new(), end, buffer, out)?;
        }
    }

    /// Lets go of the complete matches that no earlier one holds back.
    fn leave(
        &mut self,
        rules: &Rules,
        complete: Heap<Begun>,
        time: Millis,
        buffer: &mut Buffer,
        out: &mut Vec<Match>,
    ) -> Result<(), EngineError> {
        complete.items().iter().for_each(|begun| self.complete.push(*begun));
        while let Some(first) = self.complete.peek().map(Begun::rank) {
            if self.open.peek().is_some_and(|open| open.rank() < first) {
                break;
            }
            let Some(found) = self.complete.pop() else { break };
            let behind = rules.next_begins(found.node, buffer)?;
            for gone in [self.open.remove_if(|begun| begun.first < behind), self.complete.remove_if(|begun| begun.first < behind)].concat()
            {
                buffer.release(gone.node);
            }
            out.push(Match { node: found.node, time });
        }
        Ok(())
    }
}

impl Rules {
    /// Matches that began before this order are dropped with a match that leaves.
    fn next_begins(&self, node: u32, buffer: &Buffer) -> Result<u64, EngineError> {
        let mut orders = buffer.path(node).map(|(_, node)| (node.variable as usize, node.order));
        let first = || buffer.path(node).last().map_or(0, |(_, node)| node.order);
        let of = |wanted: usize| buffer.path(node).filter(move |(_, node)| node.variable as usize == wanted).map(|(_, node)| node.order);
        match self.skip {
            AfterMatch::PastLastRow => Ok(orders.next().map_or(0, |(_, order)| order + 1)),
            AfterMatch::NextRow => Ok(first() + 1),
            AfterMatch::First { variable } => self.to(variable, of(variable).last(), first()),
            AfterMatch::Last { variable } => self.to(variable, of(variable).next(), first()),
        }
    }

    fn to(&self, variable: usize, order: Option<u64>, first: u64) -> Result<u64, EngineError> {
        let name = self.names.get(variable).map_or("", String::as_str);
        match order {
            None => Err(EngineError::Match { message: format!("Could not skip to {name}. No such element in the found match") }),
            Some(order) if order == first => Err(EngineError::Match { message: "Could not skip to first element of a match".into() }),
            Some(order) => Ok(order),
        }
    }
}
