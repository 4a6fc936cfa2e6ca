//! MATCH_RECOGNIZE: which rows make a match, when it leaves, and that a restart changes nothing.

use irmak_common::call_spec::SortKey;
use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::job_graph::OperatorNode;
use irmak_common::match_spec::{AfterMatch, MatchExpr, MatchRead, MatchSpec, PatternVariable};
use irmak_common::operator_spec::OperatorSpec;
use irmak_common::types::{Field, Schema, TypeKind};
use proptest::prelude::*;

use crate::harness::*;

fn read(variable: Option<usize>, from_first: bool, offset: u32, column: usize) -> MatchRead {
    MatchRead::Field { variable, from_first, offset, column, ty: input().fields[column].ty.clone() }
}

/// A measure that is one read.
fn measure(read: MatchRead) -> MatchExpr {
    let ty = read.ty().clone();
    MatchExpr { reads: vec![read], expr: Expr::column(0, ty) }
}

/// `function(read 0, read 1)`, a BOOLEAN.
fn compare(function: &str, left: MatchRead, right: MatchRead) -> MatchExpr {
    let args = vec![Expr::column(0, left.ty().clone()), Expr::column(1, right.ty().clone())];
    MatchExpr { reads: vec![left, right], expr: Expr::call(function, args, TypeKind::Boolean.nullable()) }
}

/// `v` of the row in question is one of those whose bit is set.
fn one_of(variable: usize, bits: u8) -> MatchExpr {
    let column = Expr::column(0, TypeKind::Int.nullable());
    let is = |value: i64| {
        let args = vec![column.clone(), Expr::literal(Value::Int(value), TypeKind::Int.not_null())];
        Expr::call("=", args, TypeKind::Boolean.nullable())
    };
    let terms: Vec<Expr> = (0..4).filter(|value| bits & (1 << value) != 0).map(is).collect();
    let expr = match terms.is_empty() {
        true => Expr::literal(Value::Boolean(false), TypeKind::Boolean.not_null()),
        false => Expr { node: ExprNode::Or(terms), ty: TypeKind::Boolean.nullable() },
    };
    MatchExpr { reads: vec![read(Some(variable), false, 0, NUMBER)], expr }
}

fn variable(name: &str, min: u32, max: Option<u32>, greedy: bool, condition: Option<MatchExpr>) -> PatternVariable {
    PatternVariable { name: name.into(), min, max, greedy, condition }
}

fn once(name: &str, condition: Option<MatchExpr>) -> PatternVariable {
    variable(name, 1, Some(1), false, condition)
}

fn ascending(column: usize) -> SortKey {
    SortKey { column, descending: false, nulls_first: true }
}

fn spec(pattern: Vec<PatternVariable>, skip: AfterMatch, measures: Vec<MatchExpr>) -> MatchSpec {
    let order_by = vec![ascending(TIME)];
    MatchSpec { partition_by: vec![KEY], order_by, processing_time: false, pattern, within_ms: None, skip, measures }
}

fn matched(spec: MatchSpec) -> OperatorNode {
    let mut fields = vec![input().fields[KEY].clone()];
    fields.extend(spec.measures.iter().enumerate().map(|(at, measure)| Field::new(format!("m{at}"), measure.expr.ty.with_nullable(true))));
    node(OperatorSpec::Match(Box::new(spec)), Schema::new(fields))
}

/// Rows of this number and time, all of one key.
fn rows(of: &[(i32, i64)]) -> Step {
    Step::Rows(of.iter().map(|&(number, time)| row("a", number, time)).collect())
}

/// `A B+ C`: B more than what came before, C less than the last B. FIRST(B.v), LAST(B.v, 1), SUM(B.v), C.v, MATCH_ROWTIME().
fn rise_and_fall(skip: AfterMatch) -> MatchSpec {
    let b = compare(">", read(Some(1), false, 0, NUMBER), read(None, false, 1, NUMBER));
    let c = compare("<", read(Some(2), false, 0, NUMBER), read(Some(1), false, 0, NUMBER));
    let args = vec![Expr::column(NUMBER, TypeKind::Int.nullable())];
    let sum = MatchRead::Aggregate { variable: Some(1), function: "SUM".into(), args, ty: TypeKind::Int.nullable() };
    let reads = [read(Some(1), true, 0, NUMBER), read(Some(1), false, 1, NUMBER), sum, read(Some(2), false, 0, NUMBER)];
    let rowtime = MatchRead::Rowtime { ty: TypeKind::timestamp(3).not_null() };
    let pattern = vec![once("A", None), variable("B", 1, None, true, Some(b)), once("C", Some(c))];
    spec(pattern, skip, reads.into_iter().chain([rowtime]).map(measure).collect())
}

#[test]
fn a_match_reads_first_and_last_rows_aggregates_and_its_time() {
    let script = [rows(&[(5, 1), (7, 3), (6, 2), (2, 4), (9, 5), (1, 6)]), Step::Watermark(4), Step::Watermark(9)];
    check(matched(rise_and_fall(AfterMatch::PastLastRow)), &script, &["a 6 6 13 2 4", "--- 4", "--- 9"]);
    let next = ["a 6 6 13 2 4", "a 7 - 7 2 4", "--- 4", "a 9 - 9 1 6", "--- 9"];
    check(matched(rise_and_fall(AfterMatch::NextRow)), &script, &next);
}

#[test]
fn after_a_match_the_next_may_begin_at_a_row_of_it() {
    let script = [rows(&[(5, 1), (6, 2), (7, 3), (2, 4), (9, 5), (1, 6)]), Step::Watermark(9)];
    let last = ["a 6 6 13 2 4", "a 9 - 9 1 6", "--- 9"];
    check(matched(rise_and_fall(AfterMatch::Last { variable: 2 })), &script, &last);
    let first = ["a 6 6 13 2 4", "a 7 - 7 2 4", "a 9 - 9 1 6", "--- 9"];
    check(matched(rise_and_fall(AfterMatch::First { variable: 1 })), &script, &first);
}

#[test]
fn a_skip_that_leads_nowhere_fails_the_job_in_flinks_words() {
    let mut cluster = Cluster::new(matched(rise_and_fall(AfterMatch::First { variable: 0 })), 1).unwrap();
    cluster.rows(&[row("a", 1, 1), row("a", 2, 2), row("a", 0, 3)]).unwrap();
    assert!(cluster.watermark(9).unwrap_err().to_string().contains("Could not skip to first element of a match"));
    let optional = vec![once("A", None), variable("B", 0, Some(1), false, Some(one_of(1, 0))), once("C", None)];
    let mut cluster = Cluster::new(matched(spec(optional, AfterMatch::Last { variable: 1 }, Vec::new())), 1).unwrap();
    cluster.rows(&[row("a", 1, 1), row("a", 2, 2)]).unwrap();
    assert!(cluster.watermark(9).unwrap_err().to_string().contains("Could not skip to B. No such element"));
}

#[test]
fn begun_matches_and_rows_that_wait_live_through_restarts() {
    let script = [
        Step::Rows(vec![row("a", 5, 1), row("b", 1, 1), row("a", 6, 2), row("b", 2, 3), row("a", 7, 8)]),
        Step::Watermark(4),
        Step::Rescale(4),
        rows(&[(3, 4), (9, 9)]),
        Step::Rescale(3),
        Step::Rows(vec![row("b", 0, 5)]),
        Step::Watermark(5),
        Step::Rescale(1),
        rows(&[(0, 10)]),
        Step::Watermark(12),
    ];
    let expected = ["--- 4", "b 2 - 2 0 5", "--- 5", "--- 5", "--- 5", "a 6 7 22 0 10", "--- 12"];
    check(matched(rise_and_fall(AfterMatch::PastLastRow)), &script, &expected);
}

#[test]
fn what_the_watermark_has_passed_is_late_and_counted() {
    let mut cluster = Cluster::new(matched(rise_and_fall(AfterMatch::NextRow)), 1).unwrap();
    cluster.watermark(10).unwrap();
    cluster.rows(&[row("a", 1, 10), row("a", 2, 11)]).unwrap();
    assert_eq!(cluster.late(), 1);
}

/// `A B*? C` where B is any row and C is a 3, within so much time. FIRST(v of all), COUNT(B), MATCH_ROWTIME()
fn until_three(within_ms: i64) -> MatchSpec {
    let count = MatchRead::Aggregate { variable: Some(1), function: "COUNT".into(), args: Vec::new(), ty: TypeKind::BigInt.not_null() };
    let rowtime = MatchRead::Rowtime { ty: TypeKind::timestamp(3).not_null() };
    let pattern = vec![
        once("A", Some(one_of(0, 0b0111))),
        variable("B", 0, None, false, Some(one_of(1, 0b0111))),
        once("C", Some(one_of(2, 0b1000))),
    ];
    let mut spec = spec(pattern, AfterMatch::NextRow, [read(None, true, 0, NUMBER), count, rowtime].map(measure).into());
    spec.within_ms = Some(within_ms);
    spec
}

#[test]
fn a_match_ends_less_than_within_behind_its_first_row() {
    let script = [rows(&[(0, 0), (1, 6), (2, 9), (3, 10)]), Step::Watermark(100)];
    check(matched(until_three(10)), &script, &["a 1 1 10", "a 2 0 10", "--- 100"]);
    check(matched(until_three(11)), &script, &["a 0 2 10", "a 1 1 10", "a 2 0 10", "--- 100"]);
}

#[test]
fn a_match_held_back_leaves_when_the_earlier_one_runs_out_of_time() {
    // `A B*? C`: C is a 3 behind a match of two rows only; the match that began before it waits for another.
    let mut held = until_three(10);
    let first = MatchExpr {
        reads: vec![read(Some(2), false, 0, NUMBER), read(Some(0), false, 0, NUMBER)],
        expr: Expr {
            node: ExprNode::And(vec![
                Expr::call(
                    "=",
                    vec![Expr::column(0, TypeKind::Int.nullable()), Expr::literal(Value::Int(3), TypeKind::Int.not_null())],
                    TypeKind::Boolean.nullable(),
                ),
                Expr::call(
                    "=",
                    vec![Expr::column(1, TypeKind::Int.nullable()), Expr::literal(Value::Int(2), TypeKind::Int.not_null())],
                    TypeKind::Boolean.nullable(),
                ),
            ]),
            ty: TypeKind::Boolean.nullable(),
        },
    };
    held.pattern[1].condition = None;
    held.pattern[2].condition = Some(first);
    let script = [rows(&[(1, 0), (2, 3), (3, 5)]), Step::Watermark(6), Step::Rescale(2), Step::Watermark(40)];
    check(matched(held), &script, &["--- 6", "a 2 0 10", "--- 40", "--- 40"]);
}

#[test]
fn further_columns_order_the_rows_of_one_time() {
    let mut falling = rise_and_fall(AfterMatch::NextRow);
    falling.order_by.push(ascending(NUMBER));
    let script = [rows(&[(7, 1), (5, 1), (6, 1), (2, 2)]), Step::Watermark(9)];
    check(matched(falling), &script, &["a 6 6 13 2 2", "a 7 - 7 2 2", "--- 9"]);
    let unsorted = matched(rise_and_fall(AfterMatch::NextRow));
    check(unsorted, &script, &["a 6 - 6 2 2", "--- 9"]);
}

#[test]
fn in_processing_time_rows_are_looked_at_as_they_come() {
    let mut now = rise_and_fall(AfterMatch::PastLastRow);
    now.processing_time = true;
    let script = [Step::Clock(50), rows(&[(5, 9), (6, 2)]), Step::Clock(60), rows(&[(2, 1)]), Step::End];
    check(matched(now.clone()), &script, &["a 6 - 6 2 60"]);
    now.within_ms = Some(10);
    check(matched(now.clone()), &script, &[]);
    now.within_ms = None;
    now.order_by.push(ascending(NUMBER));
    let script = [Step::Clock(50), rows(&[(6, 9), (5, 2)]), Step::Clock(60), rows(&[(2, 1)]), Step::Clock(70)];
    check(matched(now), &script, &["a 6 - 6 2 60"]);
}

/// One variable of a random pattern: at least, at most, greedy, the numbers that it takes.
type Part = (u32, Option<u32>, bool, u8);

/// The first and the last row of each match of one key, by trying everything; in the order in which they leave.
struct Model<'a> {
    pattern: &'a [Part],
    values: &'a [i32],
    skip_past: bool,
}

impl Model<'_> {
    fn takes(&self, variable: usize, row: usize) -> bool {
        self.pattern[variable].3 & (1 << self.values[row]) != 0
    }

    fn leaves(&self, variable: usize, row: usize) -> bool {
        !(self.pattern[variable].2 && self.takes(variable, row))
    }

    /// Whether nothing more is needed behind so many rows of a variable, the last of them `row`.
    fn is_complete(&self, variable: usize, count: u32, row: usize) -> bool {
        if count < self.pattern[variable].0 {
            return false;
        }
        let last = variable + 1 == self.pattern.len();
        last || (self.leaves(variable, row) && self.is_complete(variable + 1, 0, row))
    }

    /// Every (variable, count) that a row can lead to.
    fn step(&self, variable: usize, count: u32, row: usize, found: &mut Vec<(usize, u32)>) {
        let (least, most, ..) = self.pattern[variable];
        if most.is_none_or(|most| count < most) && self.takes(variable, row) {
            found.push((variable, count + 1));
        }
        if count >= least && variable + 1 < self.pattern.len() && self.leaves(variable, row) {
            self.step(variable + 1, 0, row, found);
        }
    }

    /// The first row with which a match that begins at `start` is complete; `Err`: it may still be.
    fn end(&self, start: usize) -> Result<Option<usize>, ()> {
        let mut open = vec![(0, 0)];
        for row in start..self.values.len() {
            let mut next = Vec::new();
            open.iter().for_each(|&(variable, count)| self.step(variable, count, row, &mut next));
            if next.iter().any(|&(variable, count)| self.is_complete(variable, count, row)) {
                return Ok(Some(row));
            }
            next.sort_unstable();
            next.dedup();
            if next.is_empty() {
                return Ok(None);
            }
            open = next;
        }
        Err(())
    }

    fn matches(&self) -> Vec<(usize, usize)> {
        let (mut found, mut from) = (Vec::new(), 0);
        for start in 0..self.values.len() {
            match self.end(start) {
                _ if start < from => {}
                Err(()) => break,
                Ok(None) => {}
                Ok(Some(end)) => {
                    found.push((start, end));
                    from = if self.skip_past { end + 1 } else { start + 1 };
                }
            }
        }
        found
    }
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let times = prop_oneof![
        3 => Just((1, Some(1), false)),
        1 => Just((0, Some(1), false)),
        1 => any::<bool>().prop_map(|greedy| (0, None, greedy)),
        1 => any::<bool>().prop_map(|greedy| (1, None, greedy)),
        1 => (0..3u32, 1..3u32, any::<bool>()).prop_map(|(min, more, greedy)| (min, Some(min.max(1) + more), greedy)),
    ];
    let part = (times, 0..16u8).prop_map(|((min, max, greedy), bits)| (min, max, greedy, bits));
    // Flink asks for one variable that must be there.
    (prop::collection::vec(part, 0..4), 0..16u8).prop_map(|(mut parts, bits)| {
        parts.push((1, Some(1), false, bits));
        parts
    })
}

proptest! {
    #[test]
    fn matches_are_those_that_trying_everything_finds(
        pattern in parts(),
        values in prop::collection::vec((0..3usize, 0..4i32), 0..40),
        steps in prop::collection::vec((1..12usize, prop::option::of(1..5u32)), 1..8),
        skip_past in any::<bool>(),
    ) {
        let names = ["A", "B", "C", "D", "E"];
        let variables = pattern.iter().enumerate().map(|(at, &(min, max, greedy, bits))| variable(names[at], min, max, greedy, Some(one_of(at, bits))));
        let skip = if skip_past { AfterMatch::PastLastRow } else { AfterMatch::NextRow };
        let ends = [read(None, true, 0, TIME), read(None, false, 0, TIME)].map(measure);
        let mut cluster = Cluster::new(matched(spec(variables.collect(), skip, ends.into())), 2).unwrap();
        let keys = ["a", "b", "c"];
        let all: Vec<Row> = values.iter().enumerate().map(|(time, &(key, value))| row(keys[key], value, time as i64 + 1)).collect();
        let (mut rest, mut lines, mut steps) = (&all[..], Vec::new(), steps.into_iter().cycle());
        while !rest.is_empty() {
            let (take, rescale) = steps.next().unwrap();
            let (batch, behind) = rest.split_at(take.min(rest.len()));
            lines.extend(render(&cluster.rows(batch).unwrap()));
            // Some rows always wait.
            lines.extend(render(&cluster.watermark(batch.last().unwrap().time.unwrap() - 2).unwrap()));
            if let Some(parallelism) = rescale {
                cluster.rescale(parallelism).unwrap();
            }
            rest = behind;
        }
        lines.extend(render(&cluster.watermark(1_000).unwrap()));
        let mut expected: Vec<String> = Vec::new();
        for (key, name) in keys.iter().enumerate() {
            let (times, its): (Vec<usize>, Vec<i32>) = values.iter().enumerate().filter(|(_, (of, _))| *of == key).map(|(at, (_, value))| (at + 1, *value)).unzip();
            let model = Model { pattern: &pattern, values: &its, skip_past };
            expected.extend(model.matches().into_iter().map(|(start, end)| format!("{name} {} {}", times[start], times[end])));
            let found: Vec<&String> = lines.iter().filter(|line| line.starts_with(name)).collect();
            let of_key: Vec<&String> = expected.iter().filter(|line| line.starts_with(name)).collect();
            prop_assert_eq!(found, of_key);
        }
    }
}
