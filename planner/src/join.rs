//! A join in the algebra, and what it is when it runs: its condition says which keys must be equal, and whether it is bounded by time.
//!
//! Source: Flink's rules for joins. A join whose condition bounds the difference of two time attributes from both sides is an interval
//! join; one whose sides are windowed and whose windows are equal is a window join; all others are regular.

use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::join_spec::{JoinKind, JoinSpec, JoinTiming};
use irmak_common::operator_spec::{WindowKind, WindowSpec};
use irmak_common::types::{Field, Schema, TimeAttribute, TypeKind};

use crate::algebra::{Rel, RelNode, WindowColumns, columns_of};
use crate::condition::{all_of, terms};

/// Two relations, joined.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JoinRel {
    pub(crate) left: Rel,
    pub(crate) right: Rel,
    pub(crate) kind: JoinKind,
    /// A BOOLEAN over the left columns and behind them the right ones.
    pub(crate) condition: Expr,
    /// `FOR SYSTEM_TIME AS OF`: the time columns of both sides.
    pub(crate) as_of: Option<[usize; 2]>,
    /// What STATE_TTL says of each side, in milliseconds; `None`: as all state.
    pub(crate) state_ttl: [Option<u64>; 2],
}

impl JoinRel {
    /// The relation: columns of both sides under names of their own, nullable where a side may be missing.
    pub(crate) fn into_rel(self) -> Rel {
        let fields = |rel: &Rel, missing: bool| -> Vec<Field> {
            let nullable = |field: &Field| Field::new(&field.name, field.ty.with_nullable(field.ty.nullable || missing));
            rel.schema.fields.iter().map(nullable).collect()
        };
        let mut all = fields(&self.left, self.kind.pads(1));
        if !self.kind.left_only() {
            all.extend(fields(&self.right, self.kind.pads(0)));
        }
        let names = crate::bind::scope::unique_names(all.iter().map(|field| Some(field.name.clone())).collect());
        all.iter_mut().zip(names).for_each(|(field, name)| field.name = name);
        Rel { node: RelNode::Join(Box::new(self)), schema: Schema::new(all) }
    }

    /// The columns that the condition is over.
    pub(crate) fn both(&self) -> Schema {
        let fields: Vec<Field> = self.left.schema.fields.iter().chain(&self.right.schema.fields).cloned().collect();
        let names = crate::bind::scope::unique_names(fields.iter().map(|field| Some(field.name.clone())).collect());
        Schema::new(fields.iter().zip(names).map(|(field, name)| Field::new(name, field.ty.clone())).collect())
    }

    /// The side (0: left, 1: right) that an expression is over; `None`: both, or neither.
    pub(crate) fn side_of(&self, expr: &Expr) -> Option<usize> {
        let width = self.left.schema.len();
        let columns = columns_of(expr);
        let (first, last) = (columns.first()?, columns.last()?);
        if *last < width {
            Some(0)
        } else if *first >= width {
            Some(1)
        } else {
            None
        }
    }

    /// A join of all rows, whatever it says of time; or one with the versions of a table.
    pub(crate) fn regular(&self, changelog: bool) -> JoinSpec {
        let split = Split::of(self);
        let timing = self.as_of.map_or(JoinTiming::Always, |[left, right]| JoinTiming::Version { times: [left, right] });
        let condition = (!split.rest.is_empty()).then(|| all_of(split.rest));
        JoinSpec { kind: self.kind, timing, keys: split.keys, null_safe: split.null_safe, condition, changelog, state_ttl_ms: [0; 2] }
    }

    /// What it is when it runs. `changelog` is for whoever knows what the inputs have.
    pub(crate) fn spec(&self, changelog: bool) -> JoinSpec {
        let mut split = Split::of(self);
        let timing = match self.as_of {
            Some([left, right]) => JoinTiming::Version { times: [left, right] },
            None => self.window(&split).or_else(|| self.interval(&mut split)).unwrap_or(JoinTiming::Always),
        };
        let condition = (!split.rest.is_empty()).then(|| all_of(split.rest));
        JoinSpec { kind: self.kind, timing, keys: split.keys, null_safe: split.null_safe, condition, changelog, state_ttl_ms: [0; 2] }
    }

    /// The window columns of a window join, of the side that is always there.
    pub(crate) fn window_columns(&self) -> Option<WindowColumns> {
        let [left, right] = self.windows(&Split::of(self))?;
        match self.kind {
            JoinKind::Full => None,
            JoinKind::Right => Some(right.shifted(self.left.schema.len())),
            _ => Some(left),
        }
    }

    /// The windows of both sides, where the condition makes them equal.
    fn windows(&self, split: &Split) -> Option<[WindowColumns; 2]> {
        if self.as_of.is_some() {
            return None;
        }
        let (left, right) = (self.left.window_columns()?, self.right.window_columns()?);
        let equal = |l: usize, r: usize| split.keys[0].iter().zip(&split.keys[1]).any(|pair| pair == (&l, &r));
        (equal(left.start, right.start) && equal(left.end, right.end)).then_some([left, right])
    }

    fn window(&self, split: &Split) -> Option<JoinTiming> {
        let [left, right] = self.windows(split)?;
        let window = window_of(&self.left)?;
        Some(JoinTiming::Window {
            windows: [[left.start, left.end], [right.start, right.end]],
            rowtime: window.time.is_some(),
            zone: window.zone.clone(),
        })
    }

    fn interval(&self, split: &mut Split) -> Option<JoinTiming> {
        if self.kind.left_only() {
            return None;
        }
        let bounds: Vec<Option<Bound>> = split.rest.iter().map(|term| self.bound(term)).collect();
        let mut pairs: Vec<[usize; 2]> = bounds.iter().flatten().map(|bound| bound.times).collect();
        pairs.extend(self.equal_times(split));
        for times in pairs {
            let (mut lower, mut upper) = (None, None);
            let mut used = vec![false; bounds.len()];
            for (at, bound) in bounds.iter().enumerate() {
                let Some(bound) = bound.as_ref().filter(|bound| bound.times == times) else { continue };
                used[at] = true;
                lower = bound.lower.map(|new| lower.map_or(new, |known: i64| known.max(new))).or(lower);
                upper = bound.upper.map(|new| upper.map_or(new, |known: i64| known.min(new))).or(upper);
            }
            if self.equal_times(split).contains(&times) {
                lower = Some(lower.map_or(0, |known| known.max(0)));
                upper = Some(upper.map_or(0, |known| known.min(0)));
            }
            if let (Some(lower), Some(upper)) = (lower, upper) {
                let mut used = used.into_iter();
                split.rest.retain(|_| !used.next().unwrap_or(false));
                let rowtime = self.attribute(0, times[0]) == TimeAttribute::Rowtime;
                return Some(JoinTiming::Interval { times, lower, upper, rowtime });
            }
        }
        None
    }

    /// Keys that are time attributes.
    fn equal_times(&self, split: &Split) -> Vec<[usize; 2]> {
        let pairs = split.keys[0].iter().zip(&split.keys[1]).map(|(left, right)| [*left, *right]);
        pairs
            .filter(|[left, right]| {
                self.attribute(0, *left) != TimeAttribute::None && self.attribute(0, *left) == self.attribute(1, *right)
            })
            .collect()
    }

    fn attribute(&self, side: usize, column: usize) -> TimeAttribute {
        let rel = if side == 0 { &self.left } else { &self.right };
        rel.schema.fields.get(column).map_or(TimeAttribute::None, |field| field.ty.kind.time_attribute())
    }

    /// What a comparison says of the difference of two time attributes, left less right.
    fn bound(&self, term: &Expr) -> Option<Bound> {
        let ExprNode::Call { function, args } = &term.node else { return None };
        let [a, b] = &args[..] else { return None };
        let (a, b) = (time_and_distance(a)?, time_and_distance(b)?);
        let width = self.left.schema.len();
        // a + x OP b + y, with a on the left side: a - b OP y - x.
        let (function, left, right) = if a.0 < width { (function.as_str(), a, b) } else { (mirrored(function)?, b, a) };
        let right = (right.0.checked_sub(width)?, right.1);
        if left.0 >= width || self.attribute(0, left.0) == TimeAttribute::None || self.attribute(0, left.0) != self.attribute(1, right.0) {
            return None;
        }
        let difference = right.1.checked_sub(left.1)?;
        let (lower, upper) = match function {
            ">=" => (Some(difference), None),
            ">" => (Some(difference.checked_add(1)?), None),
            "<=" => (None, Some(difference)),
            "<" => (None, Some(difference.checked_sub(1)?)),
            "=" => (Some(difference), Some(difference)),
            _ => return None,
        };
        Some(Bound { times: [left.0, right.0], lower, upper })
    }
}

/// A bound of the difference of two times.
#[derive(Debug)]
struct Bound {
    times: [usize; 2],
    lower: Option<i64>,
    upper: Option<i64>,
}

/// The condition, apart: columns that must be equal, and the rest.
#[derive(Debug)]
struct Split {
    keys: [Vec<usize>; 2],
    null_safe: Vec<bool>,
    rest: Vec<Expr>,
}

impl Split {
    fn of(join: &JoinRel) -> Self {
        let mut split = Self { keys: [Vec::new(), Vec::new()], null_safe: Vec::new(), rest: Vec::new() };
        for term in terms(&join.condition) {
            match equality(join, &term).and_then(|(sides, null_safe)| Some((sides[0].as_column()?, sides[1].as_column()?, null_safe))) {
                Some((left, right, null_safe)) => {
                    split.keys[0].push(left);
                    split.keys[1].push(right - join.left.schema.len());
                    split.null_safe.push(null_safe);
                }
                None => split.rest.push(term),
            }
        }
        split
    }
}

/// The two sides of an equality that can be a key, the left one first, and whether NULLs are equal.
pub(crate) fn equality<'a>(join: &JoinRel, term: &'a Expr) -> Option<([&'a Expr; 2], bool)> {
    let ExprNode::Call { function, args } = &term.node else { return None };
    let null_safe = match function.as_str() {
        "=" => false,
        "IS NOT DISTINCT FROM" => true,
        _ => return None,
    };
    let [a, b] = &args[..] else { return None };
    let sides = match (join.side_of(a)?, join.side_of(b)?) {
        (0, 1) => [a, b],
        (1, 0) => [b, a],
        _ => return None,
    };
    let hashed = a.ty.kind.to_arrow() == b.ty.kind.to_arrow() && !holds_map(&a.ty.kind);
    hashed.then_some((sides, null_safe))
}

/// Maps have no encoding by which equal ones could be found.
fn holds_map(kind: &TypeKind) -> bool {
    match kind {
        TypeKind::Map(..) | TypeKind::Multiset(_) => true,
        TypeKind::Array(item) => holds_map(&item.kind),
        TypeKind::Row(fields) => fields.iter().any(|field| holds_map(&field.ty.kind)),
        _ => false,
    }
}

/// `column + milliseconds`.
fn time_and_distance(expr: &Expr) -> Option<(usize, i64)> {
    if let Some(column) = expr.as_column() {
        return Some((column, 0));
    }
    let ExprNode::Call { function, args } = &expr.node else { return None };
    let millis = |expr: &Expr| match (&expr.node, &expr.ty.kind) {
        (ExprNode::Literal(Value::Int(millis)), TypeKind::IntervalDayTime { .. }) => Some(*millis),
        _ => None,
    };
    match (function.as_str(), &args[..]) {
        ("+", [time, by]) if millis(by).is_some() => {
            time_and_distance(time).and_then(|(at, known)| Some((at, known.checked_add(millis(by)?)?)))
        }
        ("+", [by, time]) => time_and_distance(time).and_then(|(at, known)| Some((at, known.checked_add(millis(by)?)?))),
        ("-", [time, by]) => time_and_distance(time).and_then(|(at, known)| Some((at, known.checked_sub(millis(by)?)?))),
        _ => None,
    }
}

fn mirrored(function: &str) -> Option<&'static str> {
    Some(match function {
        ">=" => "<=",
        ">" => "<",
        "<=" => ">=",
        "<" => ">",
        "=" => "=",
        _ => return None,
    })
}

/// The windows that a relation's window columns are of.
pub(crate) fn window_of(rel: &Rel) -> Option<&WindowSpec> {
    match &rel.node {
        RelNode::WindowAssign { window, .. } => Some(window),
        RelNode::WindowAggregate { input, spec } => match spec.window.kind {
            WindowKind::Attached { .. } => window_of(input),
            _ => Some(&spec.window),
        },
        RelNode::Join(join) => window_of(if join.kind == JoinKind::Right { &join.right } else { &join.left }),
        _ => rel.inputs().first().and_then(|input| window_of(input)),
    }
}
