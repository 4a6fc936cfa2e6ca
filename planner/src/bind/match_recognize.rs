//! MATCH_RECOGNIZE: the pattern and its clauses checked, in the order and words of Flink; what conditions and measures read of a match is
//! [`super::navigation`]'s.

use irmak_common::call_spec::SortKey;
use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::match_spec::{AfterMatch, MatchExpr, MatchSpec, PatternVariable};
use irmak_common::types::{Field, LogicalType, Schema, TimeAttribute, TypeKind};

use crate::algebra::{Rel, RelNode, plain, same_kind, with_attribute};
use crate::ast::pattern::{MatchClause, Pattern, PatternKind, Skip};
use crate::ast::{self, ExprKind, TableRef};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::Name;

use super::Binder;
use super::expr::{ExprBinder, article};
use super::navigation::{Names, Reads};
use super::scope::{Scope, Scoped};

impl Binder<'_> {
    /// `input MATCH_RECOGNIZE (...)`
    pub(crate) fn match_recognize(&mut self, input: &TableRef, clause: &MatchClause) -> Planned<Scoped> {
        let Scoped { rel, scope } = self.from(input)?;
        if let Some(span) = clause.all_rows {
            let message = "ALL ROWS PER MATCH is not supported, as in Flink";
            return Err(PlanError::new(Code::Unsupported, message).at(span).label("write ONE ROW PER MATCH"));
        }
        if let Some(span) = clause.subset {
            let message = "SUBSET is not supported, as in Flink";
            return Err(PlanError::new(Code::Unsupported, message).at(span).label("name each variable"));
        }
        let clauses = Clauses { clause, scope: &scope, schema: &rel.schema };
        let partition_by = clauses.partition()?;
        let batch = self.settings.batch();
        let (order_by, processing_time) = clauses.order(batch)?;
        let mut pattern = variables(&clause.pattern)?;
        let names = clauses.names(&pattern)?;
        let within_ms = clauses.within()?;
        for (at, variable) in pattern.iter_mut().enumerate() {
            let defined = clause.define.iter().find(|(name, _)| name.text == variable.name);
            variable.condition = defined.map(|(_, condition)| clauses.condition(&names, at, condition)).transpose()?;
        }
        // What is defined and not in the pattern is checked all the same.
        for (name, condition) in clause.define.iter().filter(|(name, _)| !pattern.iter().any(|variable| variable.name == name.text)) {
            clauses.condition(&names, names.of(&name.text).unwrap_or(pattern.len()), condition)?;
        }
        let measures = clauses.measures(&names, &partition_by)?;
        let skip = skip(&clause.skip, &pattern)?;
        check_pattern(&pattern, clause.pattern.span)?;
        let mut fields: Vec<Field> = partition_by.iter().map(|column| rel.schema.fields[*column].clone()).collect();
        // Batch mode knows no time attributes.
        let told = |ty: &LogicalType| if batch { plain(ty) } else { ty.clone() };
        fields.extend(measures.iter().map(|(name, measure)| Field::new(name, told(&measure.expr.ty))));
        let measures = measures.into_iter().map(|(_, measure)| measure).collect();
        let (input, order_by) = if batch && processing_time { sorted(rel, order_by) } else { (rel, order_by) };
        let spec = MatchSpec { partition_by, order_by, processing_time, pattern, within_ms, skip, measures };
        let node = RelNode::Match { input: Box::new(input), spec: Box::new(spec) };
        Ok(Scoped::of(Rel { node, schema: Schema::new(fields) }, None))
    }
}

/// The rows in their order, and the key that is left of it: they are looked at as they come then.
fn sorted(rel: Rel, order_by: Vec<SortKey>) -> (Rel, Vec<SortKey>) {
    let (schema, first) = (rel.schema.clone(), order_by[..1].to_vec());
    let node = RelNode::TemporalSort { input: Box::new(rel), order_by, processing_time: false, first: None };
    (Rel { node, schema }, first)
}

struct Clauses<'a> {
    clause: &'a MatchClause,
    scope: &'a Scope,
    schema: &'a Schema,
}

impl Clauses<'_> {
    /// A column by its name, where nothing else may stand.
    fn column(&self, expr: &ast::Expr, place: &str) -> Planned<usize> {
        let ExprKind::Column(path) = &expr.kind else {
            let message = format!("{place} of MATCH_RECOGNIZE takes columns, no expressions");
            return Err(PlanError::new(Code::Syntax, message).at(expr.span).label("compute it in a subquery first"));
        };
        let (column, used) = self.scope.resolve(path)?;
        if used < path.len() {
            let message = format!("{place} of MATCH_RECOGNIZE takes columns, no fields of rows");
            return Err(PlanError::new(Code::Syntax, message).at(expr.span).label("select it in a subquery first"));
        }
        Ok(column)
    }

    fn partition(&self) -> Planned<Vec<usize>> {
        let mut columns = Vec::new();
        for expr in &self.clause.partition_by {
            let column = self.column(expr, "PARTITION BY")?;
            if columns.contains(&column) {
                let message = format!("the rows are parted by `{}` already", self.schema.fields[column].name);
                return Err(PlanError::new(Code::DuplicateColumn, message).at(expr.span));
            }
            columns.push(column);
        }
        Ok(columns)
    }

    /// The order, and whether rows are looked at as they come: by processing time, or sorted beforehand by what is no time.
    fn order(&self, batch: bool) -> Planned<(Vec<SortKey>, bool)> {
        let Some(first) = self.clause.order_by.first() else {
            let message = "MATCH_RECOGNIZE needs ORDER BY a time attribute";
            let error = PlanError::new(Code::TimeAttribute, message).at(self.clause.span);
            return Err(error.note("you must specify either rowtime or proctime for order by, as in Flink"));
        };
        let refused = |message: &str, label: String| {
            let error = PlanError::new(Code::TimeAttribute, message).at(first.expr.span).label(label);
            Err(error.note("you must specify either rowtime or proctime for order by as the first one, as in Flink"))
        };
        let key = |item: &ast::OrderItem| -> Planned<SortKey> {
            let column = self.column(&item.expr, "ORDER BY")?;
            Ok(SortKey { column, descending: item.descending, nulls_first: item.nulls_first.unwrap_or(!item.descending) })
        };
        let order_by = self.clause.order_by.iter().map(key).collect::<Planned<Vec<_>>>()?;
        let ty = &self.schema.fields[order_by[0].column].ty;
        let attribute = ty.kind.time_attribute();
        if batch {
            let by_time = matches!(ty.kind, TypeKind::Timestamp { .. } | TypeKind::TimestampLtz { .. }) && !first.descending;
            if !by_time && self.clause.within.is_some() {
                return refused("WITHIN needs an order of time, ascending", format!("this is {}", article(ty)));
            }
            return Ok((order_by, !by_time));
        }
        if attribute == TimeAttribute::None {
            return refused("MATCH_RECOGNIZE is ordered by a time attribute first", format!("this is {}", article(ty)));
        }
        if first.descending {
            let message = "MATCH_RECOGNIZE is ordered by time ascending";
            return Err(PlanError::new(Code::TimeAttribute, message).at(first.expr.span).label("leave DESC out"));
        }
        Ok((order_by, attribute == TimeAttribute::Proctime))
    }

    /// The pattern's variables, then those that are only defined.
    fn names(&self, pattern: &[PatternVariable]) -> Planned<Names> {
        let mut names: Vec<String> = pattern.iter().map(|variable| variable.name.clone()).collect();
        let mut defined: Vec<&str> = Vec::new();
        for (name, _) in &self.clause.define {
            if defined.contains(&name.text.as_str()) {
                let message = format!("pattern variable `{}` has already been defined", name.text);
                return Err(PlanError::new(Code::Exists, message).at(name.span));
            }
            defined.push(&name.text);
            if !names.contains(&name.text) {
                names.push(name.text.clone());
            }
        }
        Ok(Names { names, least: pattern.iter().map(|variable| variable.min).collect() })
    }

    fn within(&self) -> Planned<Option<i64>> {
        let Some(within) = &self.clause.within else { return Ok(None) };
        let bound = ExprBinder { scope: &Scope::default(), schema: &Schema::default(), grouping: None, clause: "WITHIN" }.bind(within)?;
        match (&bound.ty.kind, &bound.node) {
            (TypeKind::IntervalDayTime { .. }, ExprNode::Literal(Value::Int(length))) if *length >= 0 => Ok(Some(*length)),
            (TypeKind::IntervalDayTime { .. }, ExprNode::Literal(Value::Int(_))) => {
                Err(PlanError::new(Code::Types, "WITHIN takes an interval that is not negative").at(within.span))
            }
            _ => Err(PlanError::new(Code::Types, "WITHIN takes a constant interval of days, hours, minutes or seconds")
                .at(within.span)
                .note("only constant intervals with millisecond resolution are supported, as in Flink")),
        }
    }

    fn condition(&self, names: &Names, variable: usize, condition: &ast::Expr) -> Planned<MatchExpr> {
        let mut reads = Reads::new(self.schema, names, Some(variable));
        let (bound, reads) = reads.bind(condition)?;
        match bound.ty.kind {
            TypeKind::Boolean => Ok(MatchExpr { reads, expr: bound }),
            TypeKind::Null => Ok(MatchExpr { reads, expr: Expr::null(TypeKind::Boolean) }),
            _ => Err(PlanError::new(Code::NotBoolean, format!("DEFINE takes a condition, not {}", article(&bound.ty)))
                .at(condition.span)
                .label(format!("this is {}", article(&bound.ty)))),
        }
    }

    fn measures(&self, names: &Names, partition_by: &[usize]) -> Planned<Vec<(String, MatchExpr)>> {
        if self.clause.measures.is_empty() {
            let message = "MATCH_RECOGNIZE has no MEASURES: nothing would come of a match";
            return Err(PlanError::new(Code::Syntax, message)
                .at(self.clause.span)
                .label("say what a match's row holds: MEASURES A.x AS x"));
        }
        let mut measures: Vec<(String, MatchExpr)> = Vec::new();
        for measure in &self.clause.measures {
            if let Some(span) = measure.running {
                let message = "RUNNING measures are not supported, as in Flink";
                return Err(PlanError::new(Code::Unsupported, message).at(span).label("leave it out: measures are FINAL"));
            }
            let name = &measure.name;
            let is_key = partition_by.iter().any(|column| self.schema.fields[*column].name == name.text);
            if is_key || measures.iter().any(|(known, _)| *known == name.text) {
                let message = format!("columns ambiguously defined: {{{}}}", name.text);
                let label = if is_key { "the rows are parted by this: it is a column already" } else { "another measure has this name" };
                return Err(PlanError::new(Code::DuplicateColumn, message).at(name.span).label(label));
            }
            let (mut expr, reads) = Reads::new(self.schema, names, None).bind(&measure.expr)?;
            keep_time(&mut expr);
            measures.push((name.text.clone(), MatchExpr { reads, expr }));
        }
        Ok(measures)
    }
}

/// A rowtime plus or minus an interval stays a time attribute in a measure, as in Flink.
fn keep_time(expr: &mut Expr) {
    let ExprNode::Call { function, args } = &expr.node else { return };
    let [time, by] = &args[..] else { return };
    let is_shift = matches!(function.as_str(), "+" | "-") && matches!(by.ty.kind, TypeKind::IntervalDayTime { .. });
    if is_shift && time.ty.kind.time_attribute() == TimeAttribute::Rowtime && same_kind(&time.ty, &expr.ty) {
        expr.ty = with_attribute(&expr.ty, TimeAttribute::Rowtime);
    }
}

/// The variables of a pattern, in order.
fn variables(pattern: &Pattern) -> Planned<Vec<PatternVariable>> {
    let mut found: Vec<PatternVariable> = Vec::new();
    collect(pattern, None, &mut found)?;
    Ok(found)
}

/// How often: at least, at most, reluctantly.
type Times = (Option<u32>, Option<u32>, bool);

fn collect(pattern: &Pattern, times: Option<(Times, Span)>, found: &mut Vec<PatternVariable>) -> Planned<()> {
    let unsupported = |what: &str| {
        let error = PlanError::new(Code::Unsupported, format!("{what} in a pattern, as in Flink")).at(pattern.span);
        Err(error.note("a pattern is a list of variables, each with a quantifier: A B+ C*? D{2,3}"))
    };
    match &pattern.kind {
        PatternKind::Variable(name) => variable(name, times, found),
        PatternKind::Concat(_) if times.is_some() => unsupported("a quantifier behind a group of variables is not supported"),
        PatternKind::Repeat { .. } if times.is_some() => unsupported("a quantifier behind a quantifier is not supported"),
        PatternKind::Concat(parts) => parts.iter().try_for_each(|part| collect(part, None, found)),
        PatternKind::Repeat { inner, min, max, reluctant } => collect(inner, Some(((*min, *max, *reluctant), pattern.span)), found),
        PatternKind::Alternation => unsupported("alternatives (A | B) are not supported"),
        PatternKind::Permutation => unsupported("PERMUTE is not supported"),
        PatternKind::Exclusion => unsupported("exclusion ({- A -}) is not supported"),
    }
}

fn variable(name: &Name, times: Option<(Times, Span)>, found: &mut Vec<PatternVariable>) -> Planned<()> {
    if found.iter().any(|known| known.name == name.text) {
        let message = format!("pattern variable `{}` stands twice: pattern variables must be unique, as in Flink", name.text);
        return Err(PlanError::new(Code::Unsupported, message).at(name.span).label("give it another name and the same condition"));
    }
    let ((min, max, reluctant), span) = times.unwrap_or(((Some(1), Some(1), false), name.span));
    let Some(min) = min else {
        // Flink's own documentation has it; Flink fails: "The from should be a positive number greater than 0."
        let most = max.unwrap_or_default();
        let message = format!("the quantifier {{,{most}}} is not supported, as in Flink");
        return Err(PlanError::new(Code::Unsupported, message).at(span).label(format!("write {{0,{most}}}")));
    };
    let optional = (min, max) == (0, Some(1));
    if optional && reluctant {
        let message = "a reluctant optional variable (??) is not supported, as in Flink";
        return Err(PlanError::new(Code::Unsupported, message).at(span).label("write ?"));
    }
    let greedy = !reluctant && !optional && max != Some(min);
    // `{0,2}` Flink lets through.
    if min == 0 && (optional || max.is_none()) && found.last().is_some_and(|before| before.greedy) {
        let message = "a variable that may be left out cannot stand behind a greedy one, as in Flink";
        let error = PlanError::new(Code::Unsupported, message).at(span);
        return Err(error.label("make the one before it reluctant (*?, +?), or ask for at least one row"));
    }
    found.push(PatternVariable { name: name.text.clone(), min, max, greedy, condition: None });
    Ok(())
}

fn check_pattern(pattern: &[PatternVariable], span: Span) -> Planned<()> {
    if pattern.iter().all(|variable| variable.min == 0) {
        let message = "patterns that can produce empty matches are not supported, as in Flink";
        return Err(PlanError::new(Code::Unsupported, message).at(span).label("at least one variable must have a row"));
    }
    if pattern.last().is_some_and(|last| last.greedy) {
        let message = "greedy quantifiers are not allowed as the last element of a pattern yet, as in Flink";
        let error = PlanError::new(Code::Unsupported, message).at(span);
        return Err(error.label("finish it with a plain variable, or a reluctant quantifier (+?)"));
    }
    Ok(())
}

fn skip(skip: &Skip, pattern: &[PatternVariable]) -> Planned<AfterMatch> {
    let at = |name: &Name| -> Planned<usize> {
        let found = pattern.iter().position(|variable| variable.name == name.text);
        found.ok_or_else(|| {
            let error = PlanError::new(Code::UnknownField, format!("there is no pattern variable `{}`", name.text)).at(name.span);
            error.suggest(&name.text, pattern.iter().map(|variable| variable.name.as_str()))
        })
    };
    Ok(match skip {
        Skip::PastLastRow => AfterMatch::PastLastRow,
        Skip::NextRow => AfterMatch::NextRow,
        Skip::First(name) => AfterMatch::First { variable: at(name)? },
        Skip::Last(name) => AfterMatch::Last { variable: at(name)? },
    })
}
