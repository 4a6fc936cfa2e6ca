//! Windows: group windows (`GROUP BY TUMBLE(...)`) with their auxiliaries, and window table functions (`FROM TABLE(TUMBLE(...))`).

use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::operator_spec::{WindowKind, WindowProperty, WindowSpec, WindowStyle};
use irmak_common::types::{Field, LogicalType, TimeAttribute, TypeKind};

use crate::advice;
use crate::algebra::{Rel, RelNode};
use crate::ast::{self, Call, WindowArg, WindowValue};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::Name;

use super::Binder;
use super::expr::ExprBinder;
use super::group::{Grouping, Windows};
use super::scope::{Scope, Scoped};

/// `TUMBLE(time, size)` of a GROUP BY.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GroupWindow {
    /// `TUMBLE`, `HOP` or `SESSION`.
    pub(crate) function: &'static str,
    /// The time attribute, over the relation below.
    pub(crate) time: Expr,
    pub(crate) kind: WindowKind,
}

const GROUP_WINDOWS: [&str; 3] = ["TUMBLE", "HOP", "SESSION"];
const AUXILIARIES: [&str; 4] = ["_START", "_END", "_ROWTIME", "_PROCTIME"];

/// Whether a name is an auxiliary's: `HOP_END`.
pub(crate) fn is_auxiliary(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    GROUP_WINDOWS.iter().any(|window| upper.strip_prefix(window).is_some_and(|rest| AUXILIARIES.contains(&rest)))
}

/// The group window that a call is; `None`: it is another function. `any_time`: batch mode, where any timestamp will do.
pub(crate) fn group_window(
    call: &Call,
    scope: &Scope,
    schema: &irmak_common::types::Schema,
    any_time: bool,
    span: Span,
) -> Planned<Option<GroupWindow>> {
    let upper = call.name.text.to_ascii_uppercase();
    let Some(function) = GROUP_WINDOWS.into_iter().find(|window| *window == upper) else { return Ok(None) };
    read(function, call, scope, schema, any_time, span).map(Some)
}

fn read(
    function: &'static str,
    call: &Call,
    scope: &Scope,
    schema: &irmak_common::types::Schema,
    any_time: bool,
    span: Span,
) -> Planned<GroupWindow> {
    let sizes = match function {
        "HOP" => 2,
        _ => 1,
    };
    let most = if function == "SESSION" { sizes + 1 } else { sizes + 2 };
    if call.args.len() < sizes + 1 || call.args.len() > most {
        return Err(wrong_count(function, sizes + 1, span));
    }
    let mut binder = ExprBinder { scope, schema, grouping: None, clause: "GROUP BY" };
    let mut time = binder.bind(&call.args[0])?;
    if any_time && is_timestamp(&time.ty) {
        time = in_millis(time);
    } else if time.ty.kind.time_attribute() == TimeAttribute::None {
        let message = format!("a group window is over a time attribute column, and this is {}", super::expr::article(&time.ty));
        return Err(PlanError::new(Code::TimeAttribute, message)
            .at(call.args[0].span)
            .note(advice::time_attribute(&time.ty, column_of(&call.args[0]))));
    }
    let mut lengths = Vec::new();
    for (at, arg) in call.args[1..].iter().enumerate() {
        let bound = binder.bind(arg)?;
        if at == sizes {
            return Err(aligned(&bound, function, arg.span));
        }
        lengths.push((millis(&bound, arg.span)?, arg.span));
    }
    for (length, span) in &lengths {
        positive(*length, *span)?;
    }
    let kind = match function {
        "TUMBLE" => WindowKind::Tumble { size: lengths[0].0, offset: 0 },
        "HOP" => WindowKind::Hop { slide: lengths[0].0, size: lengths[1].0, offset: 0 },
        _ => WindowKind::Session { gap: lengths[0].0 },
    };
    Ok(GroupWindow { function, time, kind })
}

fn wrong_count(function: &str, count: usize, span: Span) -> PlanError {
    let form = match function {
        "HOP" => "HOP(time, slide, size)",
        "TUMBLE" => "TUMBLE(time, size)",
        _ => "SESSION(time, gap)",
    };
    PlanError::new(Code::Types, format!("{function} takes {count} arguments")).at(span).note(format!("accepted: {form}"))
}

fn is_timestamp(ty: &LogicalType) -> bool {
    matches!(ty.kind, TypeKind::Timestamp { .. } | TypeKind::TimestampLtz { .. })
}

/// Whether a timestamp has more than milliseconds.
fn is_finer(ty: &LogicalType) -> bool {
    matches!(ty.kind, TypeKind::Timestamp { precision, .. } | TypeKind::TimestampLtz { precision, .. } if precision > 3)
}

/// A timestamp that windows are made over: they know milliseconds.
fn in_millis(time: Expr) -> Expr {
    if !is_finer(&time.ty) {
        return time;
    }
    let attribute = TimeAttribute::None;
    let kind = match time.ty.kind {
        TypeKind::TimestampLtz { .. } => TypeKind::TimestampLtz { precision: 3, attribute },
        _ => TypeKind::Timestamp { precision: 3, attribute },
    };
    let ty = LogicalType { kind, nullable: time.ty.nullable };
    time.cast(ty)
}

/// The name of a plain column.
fn column_of(expr: &ast::Expr) -> Option<&str> {
    match &expr.kind {
        ast::ExprKind::Column(path) => path.last().map(|name| name.text.as_str()),
        _ => None,
    }
}

/// The milliseconds of a constant day-time interval.
fn millis(expr: &Expr, span: Span) -> Planned<i64> {
    match (&expr.ty.kind, &expr.node) {
        (TypeKind::IntervalDayTime { .. }, ExprNode::Literal(Value::Int(millis))) => Ok(*millis),
        (TypeKind::IntervalYearMonth { .. }, _) => {
            Err(PlanError::new(Code::WindowSize, "a window's size is in days, hours, minutes and seconds, not in months or years").at(span))
        }
        _ => Err(PlanError::new(Code::WindowSize, "a window's size is a constant interval")
            .at(span)
            .note("for example: INTERVAL '10' SECOND")),
    }
}

/// The refusal of what a group window should be shifted by: Flink's grammar has it, its planner not.
fn aligned(offset: &Expr, function: &str, span: Span) -> PlanError {
    let refusal = match &offset.ty.kind {
        TypeKind::Time(_) => PlanError::new(Code::Unsupported, format!("{function} window with alignment is not supported yet")).at(span),
        _ => PlanError::new(Code::Types, format!("cannot apply `{function}` to an offset that is {}", super::expr::article(&offset.ty)))
            .at(span),
    };
    refusal.note("a window table function takes an INTERVAL here: FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), size, offset))")
}

fn positive(length: i64, span: Span) -> Planned<()> {
    if length > 0 { Ok(()) } else { Err(PlanError::new(Code::WindowSize, "a window's size is more than nothing").at(span)) }
}

/// An auxiliary above its window.
pub(crate) fn auxiliary(grouping: &mut Grouping, call: &Call, name: &str, span: Span) -> Planned<Expr> {
    let Windows::Group(window) = &grouping.windows else {
        let message = format!(
            "{name} belongs to GROUP BY {}(...), and this groups by a window table function",
            name.split('_').next().unwrap_or(name)
        );
        return Err(PlanError::new(Code::Aggregate, message).at(span).label("select window_start, window_end or window_time"));
    };
    let function = window.function;
    let Some(property) = name.strip_prefix(function).and_then(|rest| AUXILIARIES.iter().position(|known| *known == rest)) else {
        return Err(PlanError::new(Code::Aggregate, format!("{name} does not belong to the {function} that is grouped by")).at(span));
    };
    let same = read(function, call, &grouping.scope, &grouping.schema, window.time.ty.kind.time_attribute() == TimeAttribute::None, span)?;
    if same != *window {
        return Err(PlanError::new(Code::Aggregate, format!("{name} has other arguments than the {function} that is grouped by")).at(span));
    }
    let property = [WindowProperty::Start, WindowProperty::End, WindowProperty::Rowtime, WindowProperty::Proctime][property];
    let attribute = window.time.ty.kind.time_attribute();
    if property == WindowProperty::Rowtime && attribute == TimeAttribute::Proctime {
        return Err(PlanError::new(Code::TimeAttribute, "a window of processing time has no rowtime").at(span));
    }
    Ok(grouping.property(property))
}

/// The parameters of a window function, which may be named.
fn parameters(upper: &str, function: &Name) -> Planned<&'static [&'static str]> {
    Ok(match upper {
        "TUMBLE" => &["DATA", "TIMECOL", "SIZE", "OFFSET"],
        "HOP" => &["DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"],
        "CUMULATE" => &["DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"],
        "SESSION" => &["DATA", "TIMECOL", "GAP"],
        _ => {
            let known = ["TUMBLE", "HOP", "CUMULATE", "SESSION"];
            return Err(PlanError::new(Code::UnknownFunction, format!("there is no table function `{}`", function.text))
                .at(function.span)
                .suggest(upper, known)
                .note(format!("table functions: {}", known.join(", "))));
        }
    })
}

impl Binder<'_> {
    /// `TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), ...))`: the rows with their windows.
    pub(crate) fn window_table(&mut self, function: &Name, args: &[WindowArg], span: Span) -> Planned<Scoped> {
        let upper = function.text.to_ascii_uppercase();
        let parameters = parameters(&upper, function)?;
        let optional = parameters.len() - usize::from(upper != "SESSION");
        let args = arrange(&upper, args, parameters, optional, span)?;
        let (input, partition_by) = self.window_input(args[0])?;
        let (time, time_span) = descriptor(args[1], &input)?;
        let mut lengths = Vec::new();
        for arg in args.iter().skip(2).flatten() {
            let WindowValue::Expr(expr) = &arg.value else {
                return Err(PlanError::new(Code::Types, "an interval is expected").at(arg.span));
            };
            lengths.push((self.interval(expr)?, arg.span));
        }
        let sizes = optional - 2;
        for (length, span) in &lengths[..sizes] {
            positive(*length, *span)?;
        }
        let kind = window_kind(&upper, &lengths, span)?;
        let time_type = input.rel.schema.fields[time].ty.clone();
        let any_time = self.settings.batch() && is_timestamp(&time_type) && !is_finer(&time_type);
        if time_type.kind.time_attribute() == TimeAttribute::None && !any_time {
            let message = format!("a window function is over a time attribute, and this is {}", super::expr::article(&time_type));
            let advice = advice::time_attribute(&time_type, Some(&input.rel.schema.fields[time].name));
            return Err(PlanError::new(Code::TimeAttribute, message).at(time_span).note(advice));
        }
        let window = self.window_spec(kind, time, &time_type, WindowStyle::TableFunction, time_span)?;
        let mut partition = Vec::new();
        for name in partition_by {
            partition.push(input.scope.resolve(std::slice::from_ref(name))?.0);
        }
        if !partition.is_empty() && upper != "SESSION" {
            self.warn(format!("PARTITION BY has no meaning in {upper}: its windows are the same for all rows"));
        }
        let mut schema = input.rel.schema.clone();
        schema.fields.push(Field::new("window_start", TypeKind::timestamp(3).not_null()));
        schema.fields.push(Field::new("window_end", TypeKind::timestamp(3).not_null()));
        schema.fields.push(Field::new("window_time", time_type.with_nullable(false)));
        let node = RelNode::WindowAssign { input: Box::new(input.rel), window, partition_by: partition };
        Ok(Scoped::of(Rel { node, schema }, None))
    }

    fn window_input<'b>(&mut self, arg: Option<&'b WindowArg>) -> Planned<(Scoped, &'b [Name])> {
        match arg.map(|arg| (&arg.value, arg.span)) {
            Some((WindowValue::Table { name, partition_by }, _)) => Ok((self.named_table(name, &[], None)?, partition_by)),
            Some((WindowValue::Query { query, partition_by }, span)) => {
                let rel = self.nested(span, |binder| binder.query(query))?;
                Ok((Scoped::of(rel, None), partition_by))
            }
            Some((_, span)) => {
                Err(PlanError::new(Code::Types, "the first argument is TABLE and a table's name").at(span).label("write TABLE before it"))
            }
            None => Err(PlanError::new(Code::Types, "the first argument is TABLE and a table's name")),
        }
    }

    fn interval(&self, expr: &ast::Expr) -> Planned<i64> {
        let (scope, schema) = (Scope::default(), irmak_common::types::Schema::default());
        let mut binder = ExprBinder { scope: &scope, schema: &schema, grouping: None, clause: "a window" };
        millis(&binder.bind(expr)?, expr.span)
    }

    /// The windows of a kind over a time attribute.
    pub(crate) fn window_spec(
        &self,
        kind: WindowKind,
        time: usize,
        ty: &LogicalType,
        style: WindowStyle,
        span: Span,
    ) -> Planned<WindowSpec> {
        let zone = matches!(ty.kind, TypeKind::TimestampLtz { .. }).then(|| self.environment.zone.clone());
        match ty.kind.time_attribute() {
            TimeAttribute::Rowtime => Ok(WindowSpec { kind, time: Some(time), zone, style }),
            TimeAttribute::Proctime => Ok(WindowSpec { kind, time: None, zone, style }),
            TimeAttribute::None if self.settings.batch() && is_timestamp(ty) => Ok(WindowSpec { kind, time: Some(time), zone, style }),
            TimeAttribute::None => {
                let message = format!("a window function is over a time attribute, and this is {}", super::expr::article(ty));
                Err(PlanError::new(Code::TimeAttribute, message).at(span).note(advice::time_attribute(ty, None)))
            }
        }
    }
}

/// The arguments in the order of the parameters; the last may be left out.
fn arrange<'a>(
    function: &str,
    args: &'a [WindowArg],
    parameters: &[&str],
    required: usize,
    span: Span,
) -> Planned<Vec<Option<&'a WindowArg>>> {
    let form = format!("accepted: {function}({})", parameters.join(", "));
    let mut arranged: Vec<Option<&WindowArg>> = vec![None; parameters.len()];
    for (position, arg) in args.iter().enumerate() {
        let slot = match &arg.name {
            None => position,
            Some(name) => {
                let wanted = |parameter: &&str| parameter.eq_ignore_ascii_case(&name.text);
                parameters.iter().position(wanted).ok_or_else(|| {
                    PlanError::new(Code::Types, format!("{function} has no parameter `{}`", name.text))
                        .at(name.span)
                        .suggest(&name.text, parameters.iter().copied())
                        .note(form.clone())
                })?
            }
        };
        match arranged.get_mut(slot) {
            Some(slot) if slot.is_none() => *slot = Some(arg),
            Some(_) => return Err(PlanError::new(Code::Twice, "the argument is given twice").at(arg.span)),
            None => return Err(PlanError::new(Code::Types, format!("too many arguments for {function}")).at(arg.span).note(form)),
        }
    }
    if arranged[..required].iter().any(Option::is_none) {
        return Err(PlanError::new(Code::Types, format!("{function} takes {required} arguments")).at(span).note(form));
    }
    Ok(arranged)
}

fn descriptor(arg: Option<&WindowArg>, input: &Scoped) -> Planned<(usize, Span)> {
    let wrong = |span| {
        PlanError::new(Code::Types, "the second argument is DESCRIPTOR(time column)")
            .at(span)
            .label("write DESCRIPTOR(...) around the column")
    };
    match arg.map(|arg| (&arg.value, arg.span)) {
        Some((WindowValue::Descriptor(names), span)) => match &names[..] {
            [name] => Ok((input.scope.resolve(std::slice::from_ref(name))?.0, name.span)),
            _ => Err(wrong(span)),
        },
        Some((_, span)) => Err(wrong(span)),
        None => Err(wrong(Span::default())),
    }
}

fn window_kind(function: &str, lengths: &[(i64, Span)], span: Span) -> Planned<WindowKind> {
    let length = |at: usize| lengths.get(at).map_or(0, |(length, _)| *length);
    Ok(match function {
        "TUMBLE" => WindowKind::Tumble { size: length(0), offset: length(1) },
        "HOP" => WindowKind::Hop { slide: length(0), size: length(1), offset: length(2) },
        "CUMULATE" => {
            let (step, size) = (length(0), length(1));
            if size % step != 0 {
                let message = format!("CUMULATE needs a size that is a multiple of its step, but {size} ms is none of {step} ms");
                return Err(PlanError::new(Code::WindowSize, message).at(span));
            }
            WindowKind::Cumulate { step, size, offset: length(2) }
        }
        _ => WindowKind::Session { gap: length(0) },
    })
}
