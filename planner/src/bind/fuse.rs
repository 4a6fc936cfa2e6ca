//! An aggregate over windows and what it needs below: keys, arguments and time are projected first, and a window table function is
//! fused into the aggregate where nothing between them reads its columns.

use irmak_common::call_spec::AggregateCall;
use irmak_common::expr::Expr;
use irmak_common::operator_spec::{WindowAggregateSpec, WindowKind, WindowProperty, WindowSpec, WindowStyle};
use irmak_common::types::{Field, Schema, TimeAttribute, TypeKind};

use crate::algebra::{Rel, RelNode, is_session, map_columns};
use crate::error::{Code, PlanError, Planned, Span};

use super::Binder;
use super::group::{Aggregate, Grouping, Windows};
use super::scope::unique_names;

impl Binder<'_> {
    /// The aggregate over its input: what it needs is projected first.
    pub(crate) fn window_aggregate(&mut self, input: Rel, grouping: Grouping, span: Span) -> Planned<Rel> {
        if let Windows::Group(window) = grouping.windows.clone()
            && let Some(fires) = self.settings.fires()?
            // Processing time knows no late rows.
            && (fires.early || window.time.ty.kind.time_attribute() == TimeAttribute::Rowtime)
        {
            return self.often_fired(input, &grouping, &window, fires, span);
        }
        if matches!(grouping.windows, Windows::Attached(_)) && self.settings.fires_early_or_late() {
            let message = "Currently, window table function based aggregate doesn't support early-fire and late-fire configuration \
                           'table.exec.emit.early-fire.enabled' and 'table.exec.emit.late-fire.enabled'";
            let label = "write GROUP BY TUMBLE(...) or HOP(...), or RESET them before this statement";
            return Err(PlanError::new(Code::Unsupported, message).at(span).label(label));
        }
        let (input, mut pre, window) = self.windowed_input(input, &grouping, span)?;
        let keys: Vec<usize> = (0..grouping.keys.len()).collect();
        let aggregates = aggregate_calls(&mut pre, &grouping, span)?;
        let names = column_names(&pre.exprs, &input.schema);
        let below = input.project(pre.exprs, names);
        let mut fields: Vec<Field> = keys.iter().map(|key| below.schema.fields[*key].clone()).collect();
        fields.extend(aggregates.iter().map(|call| Field::new(&call.name, call.ty.clone())));
        let property = |property: &WindowProperty| {
            let name = match property {
                WindowProperty::Start => "window_start",
                WindowProperty::End => "window_end",
                WindowProperty::Rowtime => "window_time",
                WindowProperty::Proctime => "window_proctime",
            };
            Field::new(name, grouping.property_type(*property))
        };
        fields.extend(grouping.properties.iter().map(property));
        let spec =
            WindowAggregateSpec { window, keys, aggregates, properties: grouping.properties, allowed_lateness_ms: 0, retracts: false };
        let schema = Schema::new(fields);
        Ok(Rel { node: RelNode::WindowAggregate { input: Box::new(below), spec: Box::new(spec) }, schema })
    }

    /// The relation to aggregate, the columns that begin its projection (keys, then what the windows need), and the windows over it.
    fn windowed_input(&mut self, input: Rel, grouping: &Grouping, span: Span) -> Planned<(Rel, Projection, WindowSpec)> {
        let width = grouping.keys.len();
        match &grouping.windows {
            Windows::None => Err(PlanError::new(Code::Unsupported, "a window is needed here").at(span)),
            Windows::Group(window) => {
                let mut exprs = grouping.keys.clone();
                let style = WindowStyle::Group;
                let spec = self.window_spec(window.kind.clone(), width, &window.time.ty, style, span)?;
                if spec.time.is_some() {
                    exprs.push(window.time.clone());
                }
                Ok((input, Projection { exprs, map: ColumnMap::Same }, spec))
            }
            Windows::Attached(columns) => {
                if let Some(pulled) = pull_window(&input)
                    && let Some(found) = fused(&pulled, grouping, span)?
                {
                    return Ok(found);
                }
                let column = |index: usize| Expr::column(index, input.schema.fields[index].ty.clone());
                let mut exprs = grouping.keys.clone();
                exprs.extend([column(columns.start), column(columns.end)]);
                let proctime =
                    columns.time.is_some_and(|time| grouping.schema.fields[time].ty.kind.time_attribute() == TimeAttribute::Proctime);
                let zone = columns.time.and_then(|time| {
                    matches!(grouping.schema.fields[time].ty.kind, TypeKind::TimestampLtz { .. }).then(|| self.environment.zone.clone())
                });
                // Event time needs no column of its own: a window closes by its end.
                let time = (!proctime).then_some(width + 1);
                let kind = WindowKind::Attached { start: width, end: width + 1 };
                let spec = WindowSpec { kind, time, zone, style: WindowStyle::TableFunction };
                Ok((input, Projection { exprs, map: ColumnMap::Same }, spec))
            }
        }
    }
}

/// The aggregates over the projection before them, whose columns they need are added to it.
pub(crate) fn aggregate_calls(pre: &mut Projection, grouping: &Grouping, span: Span) -> Planned<Vec<AggregateCall>> {
    let mut add = |expr: &Expr| -> usize {
        pre.exprs.iter().position(|known| known == expr).unwrap_or_else(|| {
            pre.exprs.push(expr.clone());
            pre.exprs.len() - 1
        })
    };
    let mut aggregates = Vec::new();
    for (position, aggregate) in grouping.aggregates.iter().enumerate() {
        let args = aggregate.args.iter().map(|arg| pre.map.apply(arg).map(|arg| add(&arg))).collect::<Option<Vec<_>>>();
        let filter = match &aggregate.filter {
            Some(filter) => Some(pre.map.apply(filter).map(|filter| add(&filter))),
            None => None,
        };
        let (Some(args), Some(filter)) = (args, filter.map_or(Some(None), |filter| filter.map(Some))) else {
            return Err(PlanError::new(Code::Unsupported, "an aggregate over window columns is not supported here").at(span));
        };
        let arg_types = aggregate.args.iter().map(|arg| arg.ty.clone()).collect();
        let name = grouping.names.get(position).cloned().flatten().unwrap_or_else(|| format!("agg${position}"));
        aggregates.push(AggregateCall {
            function: aggregate.function.clone(),
            args,
            arg_types,
            distinct: aggregate.distinct,
            filter,
            ty: aggregate.ty.clone(),
            name,
        });
    }
    Ok(aggregates)
}

/// The projection before an aggregate, as it is being made.
pub(crate) struct Projection {
    pub(crate) exprs: Vec<Expr>,
    map: ColumnMap,
}

impl Projection {
    /// One that begins with these columns.
    pub(crate) fn of(exprs: Vec<Expr>) -> Self {
        Self { exprs, map: ColumnMap::Same }
    }
}

/// Where the columns of the relation that was bound against are in the one that is aggregated.
enum ColumnMap {
    Same,
    /// What each has become; `None`: a window column, which is gone.
    Pulled(Vec<Option<Expr>>),
}

impl ColumnMap {
    fn apply(&self, expr: &Expr) -> Option<Expr> {
        match self {
            Self::Same => Some(expr.clone()),
            Self::Pulled(columns) => map_columns(expr, &|index| columns.get(index).cloned().flatten()),
        }
    }
}

/// A window table function taken out from below projections and filters, so that the aggregate itself makes the windows.
struct Pulled {
    rel: Rel,
    window: WindowSpec,
    partition_by: Vec<usize>,
    columns: Vec<Option<Expr>>,
}

/// Source: Flink's `PullUpWindowTableFunctionIntoWindowAggregateRule`: only where nothing between reads the window columns.
fn pull_window(rel: &Rel) -> Option<Pulled> {
    match &rel.node {
        RelNode::WindowAssign { input, window, partition_by } => {
            let columns = input.columns().into_iter().map(Some).chain([None, None, None]).collect();
            Some(Pulled { rel: (**input).clone(), window: window.clone(), partition_by: partition_by.clone(), columns })
        }
        RelNode::Filter { input, predicate } => {
            let below = pull_window(input)?;
            if is_session(&below.window) {
                // A session is made of the rows before the filter.
                return None;
            }
            let predicate = map_columns(predicate, &|index| below.columns.get(index).cloned().flatten())?;
            Some(Pulled { rel: below.rel.filter(predicate), ..below })
        }
        RelNode::Project { input, exprs } => {
            let below = pull_window(input)?;
            let columns = exprs.iter().map(|expr| match expr.as_column().map(|index| &below.columns[index]) {
                Some(None) => Some(None),
                _ => map_columns(expr, &|index| below.columns.get(index).cloned().flatten()).map(Some),
            });
            let columns = columns.collect::<Option<Vec<_>>>()?;
            Some(Pulled { columns, ..below })
        }
        _ => None,
    }
}

/// The aggregate's input where the windows can be made by the aggregate; `None`: they cannot.
fn fused(pulled: &Pulled, grouping: &Grouping, span: Span) -> Planned<Option<(Rel, Projection, WindowSpec)>> {
    if let WindowKind::Hop { size, slide, .. } = pulled.window.kind
        && size % slide != 0
    {
        let message = format!("an aggregate over HOP needs a size that is a multiple of its slide, but {size} ms is none of {slide} ms");
        return Err(PlanError::new(Code::WindowSize, message).at(span));
    }
    let map = ColumnMap::Pulled(pulled.columns.clone());
    let Some(mut exprs) = grouping.keys.iter().map(|key| map.apply(key)).collect::<Option<Vec<_>>>() else { return Ok(None) };
    let reads_windows = |aggregate: &Aggregate| aggregate.args.iter().chain(&aggregate.filter).any(|expr| map.apply(expr).is_none());
    if grouping.aggregates.iter().any(reads_windows) {
        return Ok(None);
    }
    if is_session(&pulled.window) {
        let keys: Vec<Option<usize>> = exprs.iter().map(Expr::as_column).collect();
        let same = pulled.partition_by.len() == keys.len() && pulled.partition_by.iter().all(|column| keys.contains(&Some(*column)));
        if !same {
            return Ok(None);
        }
    }
    let mut window = pulled.window.clone();
    if let Some(time) = window.time {
        window.time = Some(exprs.len());
        exprs.push(Expr::column(time, pulled.rel.schema.fields[time].ty.clone()));
    }
    Ok(Some((pulled.rel.clone(), Projection { exprs, map }, window)))
}

/// Names for the columns of a projection that only the plan shows: the column's own, or made up.
pub(crate) fn column_names(exprs: &[Expr], schema: &Schema) -> Vec<String> {
    let name = |(position, expr): (usize, &Expr)| match expr.as_column() {
        Some(index) => Some(schema.fields[index].name.clone()),
        None => Some(format!("$f{position}")),
    };
    unique_names(exprs.iter().enumerate().map(name).collect())
}
