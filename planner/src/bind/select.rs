//! `SELECT ... FROM ... WHERE ... GROUP BY ... HAVING`.

use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::types::{Field, Schema, TypeKind};

use crate::algebra::{Rel, RelNode, columns_of};
use crate::ast::{self, ExprKind, GroupItem, Select, SelectItem};
use crate::error::{Code, PlanError, Planned, Span};

use super::Binder;
use super::aggregate::holds_aggregate;
use super::expr::ExprBinder;
use super::group::{Grouping, Windows};
use super::over;
use super::scope::{Scope, Scoped, unique_names};
use super::window;

/// A SELECT list, bound: expressions and the names that their columns have.
pub(crate) type Bound = (Vec<Expr>, Vec<Option<String>>);

impl Binder<'_> {
    /// The rows of a SELECT.
    pub(crate) fn select(&mut self, select: &Select) -> Planned<Rel> {
        let lives = std::mem::replace(&mut self.lives, Self::lives(select)?);
        let own = select.from.as_ref().and_then(|from| self.life_of(from));
        let groups_live = std::mem::replace(&mut self.groups_live, own);
        let bound = self.bound_select(select);
        (self.lives, self.groups_live) = (lives, groups_live);
        bound
    }

    fn bound_select(&mut self, select: &Select) -> Planned<Rel> {
        self.streaming_select(select)?;
        let mut input = match &select.from {
            Some(from) => self.from(from)?,
            None => Scoped::of(one_row(), None),
        };
        if select.from.is_none() {
            input.scope = Scope::default();
        }
        if let Some(filter) = &select.filter {
            input = self.filtered(input, filter)?;
        }
        let aggregated = select.group_by.is_some() || select.having.is_some() || aggregates(select);
        let rel = if aggregated {
            self.grouped_select(select, input)?
        } else if super::subquery::in_items(select) {
            let mut attached = select.clone();
            for item in &mut attached.items {
                if let SelectItem::Expr { expr, .. } = item {
                    input = self.attach(input, expr)?;
                }
            }
            self.plain_select(&attached, input)?
        } else {
            self.plain_select(select, input)?
        };
        match select.distinct {
            Some(span) => self.distinct(rel, span),
            None => Ok(rel),
        }
    }

    /// The names of a SELECT's columns, each once; which of them were not is kept.
    fn output_names(&mut self, names: Vec<Option<String>>) -> Vec<String> {
        let unique = unique_names(names.clone());
        let doubled =
            names.into_iter().zip(&unique).enumerate().filter_map(|(at, (name, unique))| Some((at, name.filter(|name| name != unique)?)));
        self.doubled = doubled.collect();
        unique
    }

    pub(crate) fn plain<'b>(&self, input: &'b Scoped, clause: &'static str) -> ExprBinder<'b> {
        ExprBinder { scope: &input.scope, schema: &input.rel.schema, grouping: None, clause }
    }

    fn plain_select(&mut self, select: &Select, input: Scoped) -> Planned<Rel> {
        let mut binder = self.plain(&input, "SELECT");
        let (list, overs) = over::take(&mut binder, &select.items, &select.windows, self.settings.batch())?;
        let (mut exprs, names) = items(&mut binder, &list, &input)?;
        let (rel, calls) = overs.relation(input.rel);
        exprs.iter_mut().for_each(|expr| over::settle(expr, calls));
        Ok(rel.project(exprs, self.output_names(names)))
    }

    /// One aggregation, or one a grouping set, all rows together.
    fn grouped_select(&mut self, select: &Select, input: Scoped) -> Planned<Rel> {
        let sets = grouping_sets(select)?;
        let [only] = &sets[..] else {
            let (mut all, mut windowed) = (Vec::new(), input.rel.window_columns().is_some());
            for expr in sets.iter().flatten() {
                if let ExprKind::Call(call) = &expr.kind
                    && window::group_window(call, &input.scope, &input.rel.schema, self.settings.batch(), expr.span)?.is_some()
                {
                    windowed = true;
                    continue;
                }
                all.push(self.plain(&input, "GROUP BY").bind(expr)?);
            }
            if !windowed && !self.settings.batch() {
                return self.expanded_select(select, &sets, input);
            }
            let windowed = self.all_windowed(&sets, &input)?;
            let shared = Sets { all, windowed };
            let mut rels = Vec::with_capacity(sets.len());
            for set in sets {
                let items = set.into_iter().map(GroupItem::Expr).collect();
                let one = Select { group_by: Some(items), ..select.clone() };
                rels.push((self.one_grouping(&one, input.clone(), &shared)?, select.span));
            }
            return super::query::union_all(rels, "GROUPING SETS");
        };
        let items = only.iter().cloned().map(GroupItem::Expr).collect();
        let one = Select { group_by: select.group_by.as_ref().map(|_| items), ..select.clone() };
        self.one_grouping(&one, input, &Sets::default())
    }

    /// Whether every grouping set groups by both ends of the windows: if not, all of them are updated as rows come, as in Flink.
    fn all_windowed(&mut self, sets: &[Vec<ast::Expr>], input: &Scoped) -> Planned<bool> {
        let Some(columns) = input.rel.window_columns() else { return Ok(true) };
        for set in sets {
            let keys = self.plain(input, "GROUP BY").all(set)?;
            let has = |index: usize| keys.iter().any(|key| key.as_column() == Some(index));
            if !has(columns.start) || !has(columns.end) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One aggregation, of one of the grouping sets where there are several.
    pub(crate) fn one_grouping(&mut self, select: &Select, input: Scoped, sets: &Sets) -> Planned<Rel> {
        let (keys, windows) = match self.group_by(select, &input)? {
            (keys, Windows::Attached(_)) if !sets.windowed => (keys, Windows::None),
            found => found,
        };
        let mut grouping = Grouping::new(keys, windows, input.scope.clone(), input.rel.schema.clone());
        if let Windows::Attached(columns) = grouping.windows.clone() {
            grouping.take_window_keys(&columns);
        }
        grouping.absent = sets.all.iter().filter(|expr| grouping.find(expr).is_none()).cloned().collect();
        self.select_above(select, input, grouping)
    }

    /// The aggregation, and the SELECT list and HAVING above it.
    pub(crate) fn select_above(&mut self, select: &Select, input: Scoped, mut grouping: Grouping) -> Planned<Rel> {
        let (select, mut above) = self.take_above(select)?;
        let select = &select;
        let mut binder = ExprBinder { scope: &input.scope, schema: &input.rel.schema, grouping: Some(&mut grouping), clause: "SELECT" };
        let (list, mut overs) = over::take(&mut binder, &select.items, &select.windows, self.settings.batch())?;
        let (mut exprs, names) = items(&mut binder, &list, &input)?;
        let mut having = match &select.having {
            Some(having) => Some(binder.condition(having, "HAVING")?),
            None => None,
        };
        above.bind(&mut binder)?;
        exprs.iter_mut().chain(having.iter_mut()).for_each(|expr| grouping.settle(expr));
        overs.each(&mut |expr| grouping.settle(expr));
        above.each(&mut |expr| grouping.settle(expr));
        let mut rel = match grouping.windows {
            Windows::None => {
                let below = grouping.expand(input.rel);
                self.group_aggregate(below, &grouping, select.span)?
            }
            _ => self.window_aggregate(input.rel, grouping, select.span)?,
        };
        rel = above.scalars(rel);
        if let Some(having) = having {
            rel = rel.filter(having);
        }
        rel = above.terms(rel)?;
        let (rel, calls) = overs.relation(rel);
        exprs.iter_mut().for_each(|expr| over::settle(expr, calls));
        Ok(rel.project(exprs, self.output_names(names)))
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
                && let Some(window) = window::group_window(call, &input.scope, &input.rel.schema, self.settings.batch(), expr.span)?
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
        // In batch mode a window's columns are columns like others.
        if let Some(columns) = input.rel.window_columns().filter(|_| !self.settings.batch())
            && has(columns.start)
            && has(columns.end)
        {
            return Ok((keys, Windows::Attached(columns)));
        }
        Ok((keys, Windows::None))
    }
}

/// What a query without FROM reads: one row.
pub(crate) fn one_row() -> Rel {
    let schema = Schema::new(vec![Field::new("ZERO", TypeKind::Int.not_null())]);
    Rel { node: RelNode::Values(vec![vec![Value::Int(0)]]), schema }
}

/// What the grouping sets of a query share.
pub(crate) struct Sets {
    /// What any of them groups by.
    all: Vec<Expr>,
    /// All of them group by the windows of a table function, or there are none.
    windowed: bool,
}

impl Default for Sets {
    /// There is but one set.
    fn default() -> Self {
        Self { all: Vec::new(), windowed: true }
    }
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

/// Whether a SELECT list aggregates.
pub(crate) fn aggregates(select: &Select) -> bool {
    select.items.iter().any(item_aggregates)
}

fn item_aggregates(item: &SelectItem) -> bool {
    match item {
        SelectItem::Expr { expr, .. } => {
            holds_aggregate(expr) || expr.any(&|expr| matches!(&expr.kind, ExprKind::Call(call) if window::is_auxiliary(&call.name.text)))
        }
        SelectItem::Star { .. } => false,
    }
}

/// The SELECT list: expressions, and the names that their columns have.
pub(crate) fn items(binder: &mut ExprBinder<'_>, list: &[SelectItem], input: &Scoped) -> Planned<Bound> {
    let (mut exprs, mut names) = (Vec::new(), Vec::new());
    for item in list {
        match item {
            SelectItem::Star { qualifier, span } => star(binder, qualifier, *span, input, &mut exprs, &mut names)?,
            SelectItem::Expr { expr, alias } => {
                let name = alias.as_ref().map(|alias| alias.text.clone()).or_else(|| expr.implied_name().map(str::to_owned));
                if let Some(grouping) = binder.grouping.as_deref_mut() {
                    let is_call = matches!(expr.kind, ExprKind::Call(_));
                    grouping.alias = if is_call { name.clone().or_else(|| Some(format!("EXPR${}", exprs.len()))) } else { None };
                }
                super::untyped::typed(expr)?;
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
    if relation.is_some()
        && !input.scope.columns.iter().any(|column| column.is_in(qualifier))
        && let Ok((row, used)) = input.scope.resolve(qualifier)
    {
        return fields(binder, qualifier, used, row, exprs, names);
    }
    for (index, column) in input.scope.columns.iter().enumerate() {
        let meant = match relation {
            Some(_) => column.is_in(qualifier),
            None => !column.hidden,
        };
        if !meant {
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
        names.push(Some(untaken(&column.name, names)));
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

/// A column of `*` gives way to those before it: `SELECT a, *` has `a` and `a0`.
fn untaken(name: &str, names: &[Option<String>]) -> String {
    let taken = |candidate: &str| names.iter().any(|known| known.as_deref() == Some(candidate));
    let mut candidate = name.to_owned();
    let mut attempt = 0;
    while taken(&candidate) {
        candidate = format!("{name}{attempt}");
        attempt += 1;
    }
    candidate
}

/// `row.*`: a column for each field of a row.
fn fields(
    binder: &mut ExprBinder<'_>,
    path: &[crate::token::Name],
    used: usize,
    row: usize,
    exprs: &mut Vec<Expr>,
    names: &mut Vec<Option<String>>,
) -> Planned<()> {
    let span = crate::catalog::span_of(path);
    let mut row = match &binder.grouping {
        Some(grouping) => grouping.column(row).ok_or_else(|| grouping.not_grouped(path, span))?,
        None => Expr::column(row, binder.schema.fields[row].ty.clone()),
    };
    for name in &path[used..] {
        row = super::expr::field(row, name)?;
    }
    let TypeKind::Row(known) = &row.ty.kind else {
        let message = format!("`.*` takes a table or a ROW, and `{}` is {}", super::scope::told(path), super::expr::article(&row.ty));
        return Err(PlanError::new(Code::Types, message).at(span));
    };
    for field in known.clone() {
        exprs.push(super::expr::field(row.clone(), &crate::token::Name { text: field.name.clone(), span })?);
        names.push(Some(field.name));
    }
    Ok(())
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
