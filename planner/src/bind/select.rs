//! `SELECT ... FROM ... WHERE ... GROUP BY ... HAVING`.

use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::operator_spec::{AggregateCall, WindowAggregateSpec, WindowKind, WindowProperty, WindowSpec, WindowStyle};
use irmak_common::types::{Field, Schema, TimeAttribute, TypeKind};

use crate::algebra::{Rel, RelNode, columns_of, is_session, map_columns};
use crate::ast::{self, ExprKind, GroupItem, Select, SelectItem};
use crate::error::{Code, PlanError, Planned, Span};

use super::Binder;
use super::aggregate::holds_aggregate;
use super::expr::ExprBinder;
use super::group::{Grouping, Windows};
use super::scope::{Scope, Scoped, unique_names};
use super::window;

/// A SELECT list, bound: expressions and the names that their columns have.
type Bound = (Vec<Expr>, Vec<Option<String>>);

impl Binder<'_> {
    /// The rows of a SELECT.
    pub(crate) fn select(&mut self, select: &Select) -> Planned<Rel> {
        let mut input = match &select.from {
            Some(from) => self.from(from)?,
            None => Scoped::of(one_row(), None),
        };
        if select.from.is_none() {
            input.scope = Scope::default();
        }
        if let Some(filter) = &select.filter {
            let predicate = self.plain(&input, "WHERE").condition(filter, "WHERE")?;
            input.rel = input.rel.filter(predicate);
        }
        let aggregated = select.group_by.is_some() || select.having.is_some() || select.items.iter().any(item_aggregates);
        let rel = if aggregated { self.grouped_select(select, input)? } else { self.plain_select(select, input)? };
        if let Some(span) = select.distinct {
            return Err(changelog("SELECT DISTINCT", span).label("group by the columns within a window instead"));
        }
        Ok(rel)
    }

    fn plain<'b>(&self, input: &'b Scoped, clause: &'static str) -> ExprBinder<'b> {
        ExprBinder { scope: &input.scope, schema: &input.rel.schema, grouping: None, clause }
    }

    fn plain_select(&mut self, select: &Select, input: Scoped) -> Planned<Rel> {
        if let Some(span) = super::over::second_window(&select.items) {
            let message = "all OVER aggregates of a query are over the same window";
            return Err(PlanError::new(Code::Unsupported, message).at(span).label("another window than before"));
        }
        let mut binder = self.plain(&input, "SELECT");
        let (exprs, names) = items(&mut binder, select, &input)?;
        Ok(input.rel.project(exprs, unique_names(names)))
    }

    /// One aggregation, or one a grouping set, all rows together.
    fn grouped_select(&mut self, select: &Select, input: Scoped) -> Planned<Rel> {
        let sets = grouping_sets(select)?;
        let [only] = &sets[..] else {
            let mut all = Vec::new();
            for expr in sets.iter().flatten() {
                if let ExprKind::Call(call) = &expr.kind
                    && window::group_window(call, &input.scope, &input.rel.schema, expr.span)?.is_some()
                {
                    continue;
                }
                all.push(self.plain(&input, "GROUP BY").bind(expr)?);
            }
            let mut rels = Vec::with_capacity(sets.len());
            for set in sets {
                let items = set.into_iter().map(GroupItem::Expr).collect();
                let one = Select { group_by: Some(items), ..select.clone() };
                rels.push((self.one_grouping(&one, input.clone(), &all)?, select.span));
            }
            return super::query::union_all(rels, "GROUPING SETS");
        };
        let items = only.iter().cloned().map(GroupItem::Expr).collect();
        let one = Select { group_by: select.group_by.as_ref().map(|_| items), ..select.clone() };
        self.one_grouping(&one, input, &[])
    }

    fn one_grouping(&mut self, select: &Select, input: Scoped, all: &[Expr]) -> Planned<Rel> {
        let (keys, windows) = self.group_by(select, &input)?;
        let mut properties = Vec::new();
        let mut grouped = Vec::new();
        if let Windows::Attached(columns) = &windows {
            properties.extend([WindowProperty::Start, WindowProperty::End]);
            for key in keys {
                match key.as_column() {
                    Some(index) if index == columns.start || index == columns.end => {}
                    Some(index) if Some(index) == columns.time => properties.push(WindowProperty::Rowtime),
                    _ => grouped.push(key),
                }
            }
        } else {
            grouped = keys;
        }
        let mut grouping = Grouping {
            keys: grouped,
            windows,
            aggregates: Vec::new(),
            names: Vec::new(),
            properties,
            scope: input.scope.clone(),
            schema: input.rel.schema.clone(),
            absent: Vec::new(),
            alias: None,
        };
        grouping.absent = all.iter().filter(|expr| grouping.find(expr).is_none()).cloned().collect();
        let mut binder = ExprBinder { scope: &input.scope, schema: &input.rel.schema, grouping: Some(&mut grouping), clause: "SELECT" };
        let (mut exprs, names) = items(&mut binder, select, &input)?;
        let mut having = match &select.having {
            Some(having) => Some(binder.condition(having, "HAVING")?),
            None => None,
        };
        exprs.iter_mut().chain(having.iter_mut()).for_each(|expr| grouping.settle(expr));
        let mut rel = self.window_aggregate(input.rel, grouping, select.span)?;
        if let Some(having) = having {
            rel = rel.filter(having);
        }
        Ok(rel.project(exprs, unique_names(names)))
    }

    /// The grouping expressions and the window among them.
    fn group_by(&mut self, select: &Select, input: &Scoped) -> Planned<(Vec<Expr>, Windows)> {
        let mut keys: Vec<Expr> = Vec::new();
        let mut group_window = None;
        let mut add = |key: Expr| {
            if !keys.contains(&key) {
                keys.push(key);
            }
        };
        for item in select.group_by.iter().flatten() {
            // Sets were written out before.
            let GroupItem::Expr(expr) = item else { continue };
            if let ExprKind::Call(call) = &expr.kind
                && let Some(window) = window::group_window(call, &input.scope, &input.rel.schema, expr.span)?
            {
                if group_window.replace(window).is_some() {
                    return Err(PlanError::new(Code::Twice, "a query groups by one window").at(expr.span));
                }
                continue;
            }
            let mut binder = self.plain(input, "GROUP BY");
            // `GROUP BY (a, b)` is `GROUP BY a, b`.
            match &expr.kind {
                ExprKind::Call(row) if row.name.text == "ROW" => binder.all(&row.args)?.into_iter().for_each(&mut add),
                _ => add(binder.bind(expr)?),
            }
        }
        if let Some(window) = group_window {
            return Ok((keys, Windows::Group(window)));
        }
        let has = |index: usize| keys.iter().any(|key| key.as_column() == Some(index));
        if let Some(columns) = input.rel.window_columns()
            && has(columns.start)
            && has(columns.end)
        {
            return Ok((keys, Windows::Attached(columns)));
        }
        Err(self.unwindowed(select, input))
    }

    /// The refusal of an aggregation without a window.
    fn unwindowed(&self, select: &Select, input: &Scoped) -> PlanError {
        let first = select.group_by.iter().flatten().next();
        let span = match first {
            Some(GroupItem::Expr(expr)) => expr.span,
            Some(GroupItem::Sets { .. }) => select.span,
            None => select.items.iter().find(|item| item_aggregates(item)).map_or(select.span, |item| match item {
                SelectItem::Expr { expr, .. } => expr.span,
                SelectItem::Star { span, .. } => *span,
            }),
        };
        // Errors inside the query come before the refusal of its kind.
        let probe = select.items.iter().find_map(|item| match item {
            SelectItem::Expr { expr, .. } => self.probe(expr, input),
            SelectItem::Star { .. } => None,
        });
        probe.unwrap_or_else(|| {
            let what = if first.is_some() { "GROUP BY without a window" } else { "an aggregate without GROUP BY" };
            changelog(what, span)
                .note("windows: GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE), or GROUP BY window_start, window_end of a window table function")
        })
    }

    /// What is wrong inside the aggregates of an expression, if something is.
    fn probe(&self, expr: &ast::Expr, input: &Scoped) -> Option<PlanError> {
        if let ExprKind::Call(call) = &expr.kind
            && super::aggregate::is_aggregate(&call.name.text)
        {
            if call.args.iter().any(holds_aggregate) {
                let error = PlanError::new(Code::Aggregate, "aggregate expressions cannot be nested").at(expr.span);
                return Some(error.label("aggregate in a subquery first"));
            }
            return call.args.iter().find_map(|arg| self.plain(input, "an aggregate").bind(arg).err());
        }
        expr.children().into_iter().find_map(|child| self.probe(child, input))
    }

    /// The aggregate over its input: what it needs is projected first.
    fn window_aggregate(&mut self, input: Rel, grouping: Grouping, span: Span) -> Planned<Rel> {
        let (input, mut pre, window) = self.windowed_input(input, &grouping, span)?;
        let keys: Vec<usize> = (0..grouping.keys.len()).collect();
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
        let spec = WindowAggregateSpec {
            window,
            keys,
            aggregates,
            properties: grouping.properties,
            allowed_lateness_ms: self.settings.allowed_lateness_ms()?,
        };
        let schema = Schema::new(fields);
        Ok(Rel { node: RelNode::WindowAggregate { input: Box::new(below), spec: Box::new(spec) }, schema })
    }

    /// The relation to aggregate, the columns that begin its projection (keys, then what the windows need), and the windows over it.
    fn windowed_input(&mut self, input: Rel, grouping: &Grouping, span: Span) -> Planned<(Rel, Projection, WindowSpec)> {
        let width = grouping.keys.len();
        match &grouping.windows {
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

/// The projection before an aggregate, as it is being made.
struct Projection {
    exprs: Vec<Expr>,
    map: ColumnMap,
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
    let reads_windows =
        |aggregate: &super::group::Aggregate| aggregate.args.iter().chain(&aggregate.filter).any(|expr| map.apply(expr).is_none());
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

/// What a query without FROM reads: one row.
fn one_row() -> Rel {
    let schema = Schema::new(vec![Field::new("ZERO", TypeKind::Int.not_null())]);
    Rel { node: RelNode::Values(vec![vec![Value::Int(0)]]), schema }
}

/// The expressions of each grouping set: the product of all sets in the GROUP BY.
fn grouping_sets(select: &Select) -> Planned<Vec<Vec<ast::Expr>>> {
    let mut sets: Vec<Vec<ast::Expr>> = vec![Vec::new()];
    for item in select.group_by.iter().flatten() {
        let more: Vec<Vec<ast::Expr>> = match item {
            GroupItem::Expr(expr) => vec![vec![expr.clone()]],
            GroupItem::Sets { sets } => sets.clone(),
        };
        sets = sets.iter().flat_map(|set| more.iter().map(|part| [set.as_slice(), part.as_slice()].concat())).collect();
        if sets.len() > GROUPING_SETS_MAX {
            return Err(PlanError::new(Code::TooDeep, format!("more than {GROUPING_SETS_MAX} grouping sets")).at(select.span));
        }
    }
    Ok(sets)
}

/// Each set is an aggregation of its own.
const GROUPING_SETS_MAX: usize = 256;

fn item_aggregates(item: &SelectItem) -> bool {
    match item {
        SelectItem::Expr { expr, .. } => {
            holds_aggregate(expr) || expr.any(&|expr| matches!(&expr.kind, ExprKind::Call(call) if window::is_auxiliary(&call.name.text)))
        }
        SelectItem::Star { .. } => false,
    }
}

fn items(binder: &mut ExprBinder<'_>, select: &Select, input: &Scoped) -> Planned<Bound> {
    let (mut exprs, mut names) = (Vec::new(), Vec::new());
    for item in &select.items {
        match item {
            SelectItem::Star { qualifier, span } => star(binder, qualifier, *span, input, &mut exprs, &mut names)?,
            SelectItem::Expr { expr, alias } => {
                let name = alias.as_ref().map(|alias| alias.text.clone()).or_else(|| expr.implied_name().map(str::to_owned));
                if let Some(grouping) = binder.grouping.as_deref_mut() {
                    let is_call = matches!(expr.kind, ExprKind::Call(_));
                    grouping.alias = if is_call { name.clone().or_else(|| Some(format!("EXPR${}", exprs.len()))) } else { None };
                }
                let bound = binder.bind(expr)?;
                if divides_by_zero(&bound) {
                    return Err(PlanError::new(Code::Types, "division by zero").at(expr.span));
                }
                exprs.push(bound);
                names.push(name);
            }
        }
    }
    Ok((exprs, names))
}

fn star(
    binder: &mut ExprBinder<'_>,
    qualifier: &[crate::token::Name],
    span: Span,
    input: &Scoped,
    exprs: &mut Vec<Expr>,
    names: &mut Vec<Option<String>>,
) -> Planned<()> {
    let relation = qualifier.last();
    let before = exprs.len();
    for (index, column) in input.scope.columns.iter().enumerate() {
        if relation.is_some_and(|name| column.relation.as_deref() != Some(&name.text)) {
            continue;
        }
        let expr = match &binder.grouping {
            Some(grouping) => {
                let name = crate::token::Name { text: column.name.clone(), span };
                grouping.column(index).ok_or_else(|| grouping.not_grouped(&[name], span))?
            }
            None => Expr::column(index, input.rel.schema.fields[index].ty.clone()),
        };
        exprs.push(expr);
        names.push(Some(column.name.clone()));
    }
    if exprs.len() > before {
        return Ok(());
    }
    match relation {
        Some(name) => Err(PlanError::new(Code::UnknownTable, format!("there is no table `{}` in FROM", name.text))
            .at(name.span)
            .suggest(&name.text, input.scope.relations())),
        None => Err(PlanError::new(Code::Syntax, "`*` needs a table in FROM").at(span)),
    }
}

/// Whether a constant divides a constant by zero where it surely runs. Flink folds and refuses such, also of DOUBLE.
fn divides_by_zero(expr: &Expr) -> bool {
    let zero = |expr: &Expr| match &expr.node {
        ExprNode::Cast { input, .. } => matches!(&input.node, ExprNode::Literal(Value::Int(0))),
        ExprNode::Literal(value) => *value == Value::Int(0) || *value == Value::Decimal(0) || *value == Value::Float(0.0),
        _ => false,
    };
    match &expr.node {
        ExprNode::Case { .. } | ExprNode::And(_) | ExprNode::Or(_) => false,
        ExprNode::Call { function, args } if function == "/" && args.len() == 2 && columns_of(expr).is_empty() && zero(&args[1]) => true,
        _ => expr.children().into_iter().any(divides_by_zero),
    }
}

/// Names for the columns of a projection that only the plan shows: the column's own, or made up.
fn column_names(exprs: &[Expr], schema: &Schema) -> Vec<String> {
    let name = |(position, expr): (usize, &Expr)| match expr.as_column() {
        Some(index) => Some(schema.fields[index].name.clone()),
        None => Some(format!("$f{position}")),
    };
    unique_names(exprs.iter().enumerate().map(name).collect())
}

/// The refusal of what makes updates or deletes.
pub(crate) fn changelog(what: &str, span: Span) -> PlanError {
    PlanError::new(Code::Changelog, format!("{what} makes updates and deletes; queries that only insert rows run, for now")).at(span)
}
