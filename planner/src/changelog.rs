//! Which relations only insert rows, and which also update and delete them; who may read the latter.
//!
//! Inferred bottom up over the finished algebra, as Flink's `FlinkChangelogModeInferenceProgram` does: an operator says what kinds of
//! rows it makes of the kinds that it gets, and refuses those that it cannot take in the words that Flink has for it.
//!
//! A new kind of node has an arm in [`kinds`] where it makes updates itself, and one in [`reader`] where it takes none.

pub(crate) mod materialize;
mod monotonic;
pub(crate) mod upsert_key;

use crate::algebra::{Rel, RelNode, Root, Target, is_session};
use crate::describe;
use crate::error::{Code, PlanError, Planned};
use crate::join::JoinRel;
use irmak_common::changelog_spec::{Keep, RankSpec, RankStrategy};
use irmak_common::join_spec::{JoinKind, JoinTiming};
use irmak_common::operator_spec::{SinkSpec, SourceSpec};
use irmak_common::table_options::changelog_format;

/// The kinds of rows beside inserts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds {
    /// `-U` and `+U`.
    pub(crate) update: bool,
    /// `-D`.
    pub(crate) delete: bool,
}

impl Kinds {
    /// Rows are only added.
    pub(crate) const INSERT: Self = Self { update: false, delete: false };
    /// Everything.
    pub(crate) const ALL: Self = Self { update: true, delete: true };

    /// Whether rows are only added.
    pub(crate) fn insert_only(self) -> bool {
        self == Self::INSERT
    }

    fn and(self, other: Self) -> Self {
        Self { update: self.update || other.update, delete: self.delete || other.delete }
    }

    /// Flink's words for what is more than inserts.
    fn told(self) -> &'static str {
        match (self.update, self.delete) {
            (true, true) => "update and delete changes",
            (false, true) => "delete changes",
            _ => "update changes",
        }
    }

    /// `I,UB,UA,D`, as EXPLAIN CHANGELOG_MODE shows it. `before`: who reads needs the old contents of what changes.
    pub(crate) fn mode(self, before: bool) -> String {
        let kinds = [(true, "I"), (self.update && before, "UB"), (self.update, "UA"), (self.delete, "D")];
        kinds.iter().filter(|(there, _)| *there).map(|(_, name)| *name).collect::<Vec<_>>().join(",")
    }
}

/// The kinds of rows that a relation has.
pub(crate) fn kinds(rel: &Rel) -> Kinds {
    match &rel.node {
        // A changelog format brings rows of all kinds.
        RelNode::Scan(source) if changelog_format(&source.connector.options).is_some() || upserts(source) => Kinds::ALL,
        RelNode::Normalize { .. } => Kinds::ALL,
        RelNode::GroupAggregate { input, .. } => Kinds { update: true, delete: !kinds(input).insert_only() },
        RelNode::Rank { .. } => Kinds::ALL,
        RelNode::Deduplicate { spec, .. } if spec.keep == Keep::First && spec.rowtime.is_none() => Kinds::INSERT,
        RelNode::Deduplicate { .. } => Kinds::ALL,
        // Said once, when the window is over.
        RelNode::WindowAggregate { .. } => Kinds::INSERT,
        RelNode::SetOperation { .. } => Kinds { update: false, delete: true },
        RelNode::Join(join) => joined(join),
        _ => rel.inputs().into_iter().map(kinds).fold(Kinds::INSERT, Kinds::and),
    }
}

/// Whether a source says only what a key's row is now: `+U` and `-D`.
fn upserts(source: &SourceSpec) -> bool {
    source.connector.connector == "upsert-kafka"
}

/// What EXPLAIN CHANGELOG_MODE shows of a relation's rows; `before`: who reads needs the old contents of what changes.
pub(crate) fn mode(rel: &Rel, before: bool) -> String {
    match says_by_key(rel) {
        true => "UA,D".into(),
        // Its rows are read by key: what says the old contents too is dropped behind it.
        false if matches!(rel.node, RelNode::Scan(_)) => kinds(rel).mode(true),
        false => kinds(rel).mode(before),
    }
}

/// Whether the rows of a relation come from a source that says them by key, and are not put in order yet.
pub(crate) fn says_by_key(rel: &Rel) -> bool {
    match &rel.node {
        RelNode::Scan(source) => upserts(source),
        RelNode::Watermark { input, .. } | RelNode::Project { input, .. } => says_by_key(input),
        _ => false,
    }
}

/// A join by time only adds rows; a regular one passes on what it gets, and takes rows without partner back.
fn joined(join: &JoinRel) -> Kinds {
    match join.spec(false).timing {
        JoinTiming::Interval { .. } | JoinTiming::Window { .. } | JoinTiming::AtEnd => Kinds::INSERT,
        JoinTiming::Version { .. } => kinds(&join.left),
        JoinTiming::Always if matches!(join.kind, JoinKind::Inner | JoinKind::Semi) => kinds(&join.left).and(kinds(&join.right)),
        JoinTiming::Always => Kinds::ALL,
    }
}

/// Whether a relation has updates or deletes.
pub(crate) fn is_updating(rel: &Rel) -> bool {
    !kinds(rel).insert_only()
}

/// The operator whose updates or deletes a relation passes on; `None`: it has none.
pub(crate) fn producer(rel: &Rel) -> Option<&Rel> {
    if !is_updating(rel) {
        return None;
    }
    match &rel.node {
        // These pass rows on as they come.
        RelNode::Unnest { .. }
        | RelNode::WindowAssign { .. }
        | RelNode::Project { .. }
        | RelNode::Filter { .. }
        | RelNode::Union(_)
        | RelNode::Table { .. }
        | RelNode::Watermark { .. } => rel.inputs().into_iter().find_map(producer),
        _ => Some(rel),
    }
}

/// Refuses an updating relation where only inserts can be read. `reader`: Flink's name of who reads.
pub(crate) fn refuse_updates(rel: &Rel, reader: &str) -> Planned<()> {
    let Some(producer) = producer(rel) else { return Ok(()) };
    let message =
        format!("{reader} doesn't support consuming {} which is produced by node {}", kinds(rel).told(), describe::relation(producer));
    Err(PlanError::new(Code::Changelog, message))
}

/// The name of an operator that takes only inserts; `None`: it takes everything.
fn reader(rel: &Rel) -> Option<&'static str> {
    match &rel.node {
        RelNode::WindowAssign { window, .. } if is_session(window) => Some("StreamPhysicalWindowTableFunction"),
        RelNode::Deduplicate { .. } => Some("StreamPhysicalDeduplicate"),
        RelNode::Over { .. } => Some("StreamPhysicalOverAggregate"),
        RelNode::WindowRank { spec, .. } if spec.deduplicate => Some("StreamPhysicalWindowDeduplicate"),
        RelNode::WindowRank { .. } => Some("StreamPhysicalWindowRank"),
        RelNode::TemporalSort { .. } => Some("StreamPhysicalTemporalSort"),
        RelNode::Match { .. } => Some("Match Recognize"),
        RelNode::Join(join) => match join.spec(false).timing {
            JoinTiming::Interval { .. } => Some("StreamPhysicalIntervalJoin"),
            JoinTiming::Window { .. } => Some("StreamPhysicalWindowJoin"),
            _ => None,
        },
        _ => None,
    }
}

/// Refuses a query with an operator, or a sink, that is given updates which it cannot take.
pub(crate) fn check(root: &Root) -> Planned<()> {
    operators(&root.rel).map_err(|error| error.at(root.span))?;
    match &root.target {
        Target::Sink { spec, .. } if !takes_updates(spec) => {
            let name = format!("Table sink '{}'", spec.database.dotted(&spec.table));
            let advice = format!(
                "the `{}` connector only adds rows: write to a sink that takes updates (print, upsert-kafka), or aggregate within windows",
                spec.connector.connector
            );
            refuse_updates(&root.rel, &name).map_err(|error| error.at(root.span).note(advice))
        }
        _ => Ok(()),
    }
}

fn operators(rel: &Rel) -> Planned<()> {
    rel.inputs().into_iter().try_for_each(operators)?;
    let Some(name) = reader(rel) else { return Ok(()) };
    let advice = match rel.node {
        RelNode::WindowAggregate { .. } => "Flink's SESSION windows aggregate streams that update; here TUMBLE, HOP and CUMULATE do",
        _ => "this reads streams that only add rows: put it below what updates",
    };
    rel.inputs().into_iter().try_for_each(|input| refuse_updates(input, name)).map_err(|error| error.note(advice))
}

/// Whether a sink takes updates and deletes.
fn takes_updates(sink: &SinkSpec) -> bool {
    changelog_format(&sink.connector.options).is_some()
        || matches!(sink.connector.connector.as_str(), "print" | "blackhole" | "upsert-kafka")
}

/// Whether an operator needs `-U` of its input, when `above` says whether it is asked of its own output. EXPLAIN minds, and ChangelogNormalize;
/// other operators always say both. Source: Flink's inference of update kinds.
pub(crate) fn needs_before(rel: &Rel, above: bool) -> bool {
    match &rel.node {
        RelNode::Project { .. } | RelNode::Union(_) | RelNode::Table { .. } | RelNode::Watermark { .. } => above,
        RelNode::Normalize { .. } => false,
        RelNode::Rank { spec, .. } => !matches!(spec.strategy, RankStrategy::UpdateFast { .. }),
        _ => true,
    }
}

/// Whether an update may move a row from one key of a sink that goes by key to another.
pub(crate) fn moves_between_keys(rel: &Rel, target: &Target) -> bool {
    matches!(target, Target::Sink { spec, .. } if spec.connector.connector == "upsert-kafka") && target_needs_before(rel, target)
}

/// Whether a target needs `-U`: a person does not, nor does a sink whose primary key is the rows' own.
pub(crate) fn target_needs_before(rel: &Rel, target: &Target) -> bool {
    match target {
        Target::Sink { spec, .. } if spec.connector.connector == "upsert-kafka" => {
            let primary: upsert_key::Key = spec.primary_key.iter().copied().collect();
            !upsert_key::upsert_keys(rel).contains(&primary)
        }
        Target::Sink { .. } => true,
        Target::Collect => false,
    }
}

/// Tells each operator what its input has: which aggregates must take values back, how a Top-N keeps its rows. A LIMIT of what is updated
/// is a Top-N by arrival.
pub(crate) fn settle(rel: Rel) -> Rel {
    let mut rel = rel.over(&mut settle);
    match &mut rel.node {
        RelNode::GroupAggregate { input, spec } => {
            spec.retracts = is_updating(input);
            spec.never_back = if spec.retracts { monotonic::never_back(input, spec) } else { Vec::new() };
        }
        RelNode::WindowAggregate { input, spec } => spec.retracts = is_updating(input),
        RelNode::Rank { input, spec } => spec.strategy = monotonic::strategy(input, spec),
        RelNode::Limit { input, offset, count } if is_updating(input) => {
            let (start, end) = (offset.saturating_add(1), offset.saturating_add(*count));
            let strategy = RankStrategy::Retract;
            let (partition_by, order_by) = (Vec::new(), Vec::new());
            let spec = RankSpec { partition_by, order_by, start, end, end_by: None, number: false, strategy, state_ttl_ms: 0 };
            let input = std::mem::replace(input, Box::new(Rel { node: RelNode::Values(Vec::new()), schema: Default::default() }));
            rel.node = RelNode::Rank { input, spec: Box::new(spec) };
        }
        _ => {}
    }
    rel
}
