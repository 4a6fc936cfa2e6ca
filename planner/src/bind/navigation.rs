//! What conditions and measures read of a match: `A.price`, `FIRST(A.price, 1)`, `SUM(A.price)`, `MATCH_ROWTIME()`.
//!
//! Each becomes a column of a row of reads; what is left of the expression is bound as any other. A column without variable is one of the
//! rows of all variables: in a condition that of the row in question, in a measure that of the match's last row. Source: Calcite's
//! `PatternValidator` and Flink's `MatchCodeGenerator`.

use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::match_spec::MatchRead;
use irmak_common::types::{LogicalType, Schema, TimeAttribute, TypeKind};
use irmak_functions::aggregate_type;

use crate::algebra::plain;
use crate::ast::{self, Call, ExprKind};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::Name;

use super::aggregate::{holds_aggregate, is_aggregate, keeps_time};
use super::call::refused;
use super::expr::{ExprBinder, field};
use super::scope::{Scope, told};

/// The variables that may be named.
#[derive(Debug)]
pub(crate) struct Names {
    /// Those of the pattern, then those that are only defined, which have no rows.
    pub(crate) names: Vec<String>,
    /// Of those of the pattern: how many rows a match has of it at least.
    pub(crate) least: Vec<u32>,
}

impl Names {
    pub(crate) fn of(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// Whether a match may have no row of a variable (`None`: of all) at this offset.
    fn may_be_missing(&self, variable: Option<usize>, offset: u32) -> bool {
        let least = match variable {
            Some(at) => self.least.get(at).copied().unwrap_or(0),
            None => self.least.iter().fold(0, |all, least| u32::saturating_add(all, *least)),
        };
        offset >= least
    }
}

/// The reads of one expression.
pub(crate) struct Reads<'a> {
    schema: &'a Schema,
    scope: Scope,
    names: &'a Names,
    /// The variable whose condition this is; `None`: a measure.
    current: Option<usize>,
    reads: Vec<MatchRead>,
}

/// FIRST, LAST and the like around a column.
struct Navigation {
    from_first: bool,
    offset: u32,
    /// PREV, which is LAST of another variable, and of this one only without offset.
    physical: Option<Span>,
    seen: Vec<Option<usize>>,
}

impl<'a> Reads<'a> {
    pub(crate) fn new(schema: &'a Schema, names: &'a Names, current: Option<usize>) -> Self {
        Self { schema, scope: Scope::of(schema, None), names, current, reads: Vec::new() }
    }

    /// The expression over what it reads, and that.
    pub(crate) fn bind(&mut self, expr: &ast::Expr) -> Planned<(Expr, Vec<MatchRead>)> {
        let mut rewritten = expr.clone();
        self.rewrite(&mut rewritten)?;
        let clause = if self.current.is_some() { "DEFINE" } else { "MEASURES" };
        let mut binder = ExprBinder { scope: &Scope::default(), schema: &Schema::default(), grouping: None, clause };
        let bound = binder.bind(&rewritten)?;
        Ok((bound, std::mem::take(&mut self.reads)))
    }

    fn rewrite(&mut self, expr: &mut ast::Expr) -> Planned<()> {
        let bound = match &expr.kind {
            ExprKind::Column(path) if !self.is_constant(path) => Some(self.column(&path.clone(), None)?),
            ExprKind::Call(call) => match call.name.text.to_ascii_uppercase().as_str() {
                name @ ("FIRST" | "LAST" | "PREV" | "NEXT") => {
                    let rewritten = self.navigation(name, &call.clone(), expr.span)?;
                    *expr = rewritten;
                    return Ok(());
                }
                "MATCH_ROWTIME" => Some(self.rowtime(&call.clone())?),
                "MATCH_PROCTIME" => {
                    let ty = TypeKind::TimestampLtz { precision: 3, attribute: TimeAttribute::Proctime }.not_null();
                    Some(self.read(MatchRead::Proctime { ty }))
                }
                name @ ("CLASSIFIER" | "MATCH_NUMBER") => {
                    let message = format!("{name} is not supported, as in Flink");
                    return Err(PlanError::new(Code::Unsupported, message).at(expr.span));
                }
                name if is_aggregate(name) && call.over.is_none() => Some(self.aggregate(&call.clone(), expr.span)?),
                _ => None,
            },
            _ => None,
        };
        match bound {
            Some(bound) => expr.kind = ExprKind::Bound(Box::new(bound)),
            None => expr.children_mut().into_iter().try_for_each(|child| self.rewrite(child))?,
        }
        Ok(())
    }

    /// Calcite knows PI without parentheses; a column of that name comes first.
    fn is_constant(&self, path: &[Name]) -> bool {
        matches!(path, [only] if only.text.eq_ignore_ascii_case("PI") && self.scope.resolve(path).is_err())
    }

    /// The column that is read `i`.
    fn read(&mut self, read: MatchRead) -> Expr {
        let ty = read.ty().clone();
        let at = self.reads.iter().position(|known| *known == read).unwrap_or_else(|| {
            self.reads.push(read);
            self.reads.len() - 1
        });
        Expr::column(at, ty)
    }

    /// The variable (`None`: all), the column, and the names of fields behind it.
    fn resolve<'p>(&self, path: &'p [Name]) -> Planned<(Option<usize>, usize, &'p [Name])> {
        if let [first, rest @ ..] = path
            && !rest.is_empty()
        {
            if let Some(variable) = self.names.of(&first.text) {
                let (column, used) = self.scope.resolve(rest)?;
                return Ok((Some(variable), column, &rest[used..]));
            }
            if self.scope.resolve(&path[..1]).is_err() {
                let names = self.names.names.iter().map(String::as_str);
                return Err(PlanError::new(Code::UnknownTable, format!("there is no pattern variable `{}`", first.text))
                    .at(first.span)
                    .suggest(&first.text, names)
                    .note(format!("pattern variables: {}", self.names.names.join(", "))));
            }
        }
        let (column, used) = self.scope.resolve(path)?;
        Ok((None, column, &path[used..]))
    }

    fn column(&mut self, path: &[Name], navigation: Option<&mut Navigation>) -> Planned<Expr> {
        let (variable, column, fields) = self.resolve(path)?;
        let (from_first, offset) = match navigation {
            Some(navigation) => {
                if !navigation.seen.contains(&variable) {
                    navigation.seen.push(variable);
                }
                if let Some(span) = navigation.physical.filter(|_| navigation.offset > 0 && variable.is_some() && variable == self.current)
                {
                    return Err(physical(span));
                }
                (navigation.from_first, navigation.offset)
            }
            None => (false, 0),
        };
        let ty = &self.schema.fields[column].ty;
        // Flink keeps NOT NULL here and makes a value up.
        let nullable = self.current.is_some() || self.names.may_be_missing(variable, offset);
        let ty = if nullable { ty.with_nullable(true) } else { ty.clone() };
        let read = self.read(MatchRead::Field { variable, from_first, offset, column, ty });
        fields.iter().try_fold(read, field)
    }

    /// `LAST(B.price * 2, 1)` is `LAST(B.price, 1) * 2`.
    fn navigation(&mut self, name: &str, call: &Call, span: Span) -> Planned<ast::Expr> {
        let physical_call = matches!(name, "PREV" | "NEXT");
        if physical_call && self.current.is_none() {
            return Err(PlanError::new(Code::Unsupported, format!("cannot use {name} in a measure")).at(span).label("use LAST or FIRST"));
        }
        let (Some(inner), true) = (call.args.first(), call.args.len() <= 2 && !call.star && !call.distinct) else {
            return Err(PlanError::new(Code::Types, format!("{name} takes a column and, if wanted, a number of rows")).at(span));
        };
        let offset = match call.args.get(1) {
            Some(offset) => number(offset)?,
            None => u32::from(physical_call),
        };
        if name == "NEXT" && offset > 0 {
            return Err(physical(span));
        }
        let is_prev = (name == "PREV").then_some(span);
        let mut navigation = Navigation { from_first: name == "FIRST", offset, physical: is_prev, seen: Vec::new() };
        let mut inner = inner.clone();
        self.navigate(&mut inner, &mut navigation)?;
        match navigation.seen[..] {
            [_] => Ok(inner),
            [] => Err(PlanError::new(Code::Types, format!("{name} names no column")).at(span)),
            _ => Err(PlanError::new(Code::Types, format!("several pattern variables in {name}"))
                .at(span)
                .label("one variable: write two calls instead")),
        }
    }

    fn navigate(&mut self, expr: &mut ast::Expr, navigation: &mut Navigation) -> Planned<()> {
        match &expr.kind {
            ExprKind::Column(path) if !self.is_constant(path) => {
                expr.kind = ExprKind::Bound(Box::new(self.column(&path.clone(), Some(navigation))?));
                Ok(())
            }
            ExprKind::Call(call) if matches!(call.name.text.to_ascii_uppercase().as_str(), "FIRST" | "LAST" | "PREV" | "NEXT") => {
                let message = format!("{} cannot stand inside of another such call", call.name.text.to_ascii_uppercase());
                Err(PlanError::new(Code::Unsupported, message).at(expr.span))
            }
            ExprKind::Call(call) if is_aggregate(&call.name.text) => {
                Err(PlanError::new(Code::Aggregate, "cannot use an aggregate in FIRST, LAST, PREV or NEXT").at(expr.span))
            }
            _ => expr.children_mut().into_iter().try_for_each(|child| self.navigate(child, navigation)),
        }
    }

    fn aggregate(&mut self, call: &Call, span: Span) -> Planned<Expr> {
        let upper = call.name.text.to_uppercase();
        let name = upper.strip_prefix('$').unwrap_or(&upper).to_owned();
        if call.distinct || call.filter.is_some() {
            let what = if call.distinct { "DISTINCT" } else { "FILTER" };
            let message = format!("{name} takes no {what} in MATCH_RECOGNIZE, as in Flink");
            return Err(PlanError::new(Code::Unsupported, message).at(span));
        }
        if call.star && name != "COUNT" {
            return Err(PlanError::new(Code::Syntax, format!("{name}(*) does not exist; only COUNT(*) does")).at(span));
        }
        if call.args.iter().any(holds_aggregate) {
            let error = PlanError::new(Code::Aggregate, "aggregate expressions cannot be nested").at(span);
            return Err(error.label("aggregate in a subquery first"));
        }
        if name.starts_with("GROUP") || name.starts_with("JSON_") {
            return Err(PlanError::new(Code::Unsupported, format!("{name} is not supported in MATCH_RECOGNIZE")).at(span));
        }
        let (args, seen) = self.arguments(if call.star { &[] } else { &call.args })?;
        let variable = match seen[..] {
            [variable] => variable,
            [] if call.star => None,
            [] => {
                let error = PlanError::new(Code::Aggregate, format!("no pattern variable specified in {name}")).at(span);
                return Err(error.label("name a column: COUNT(A.x), or write COUNT(*)"));
            }
            _ => {
                let error = PlanError::new(Code::Aggregate, format!("several pattern variables in {name}")).at(span);
                return Err(error.label("an aggregate is over the rows of one variable"));
            }
        };
        let types: Vec<LogicalType> = args.iter().map(|arg| if keeps_time(&name) { arg.ty.clone() } else { plain(&arg.ty) }).collect();
        let mut ty = aggregate_type(&name, &types, false).map_err(|error| refused(&name, error, span))?;
        if name == "SUM0" {
            ty.nullable = false;
        }
        Ok(self.read(MatchRead::Aggregate { variable, function: name, args, ty }))
    }

    /// Arguments over the input's columns, and the variables that they name.
    fn arguments(&self, args: &[ast::Expr]) -> Planned<(Vec<Expr>, Vec<Option<usize>>)> {
        let mut seen = Vec::new();
        let mut args = args.to_vec();
        args.iter_mut().try_for_each(|arg| self.argument(arg, &mut seen))?;
        let mut binder = ExprBinder { scope: &self.scope, schema: self.schema, grouping: None, clause: "an aggregate" };
        Ok((binder.all(&args)?, seen))
    }

    fn argument(&self, expr: &mut ast::Expr, seen: &mut Vec<Option<usize>>) -> Planned<()> {
        if let ExprKind::Column(path) = &expr.kind
            && !self.is_constant(path)
        {
            let (variable, column, fields) = self.resolve(path)?;
            if !seen.contains(&variable) {
                seen.push(variable);
            }
            let bound = Expr::column(column, self.schema.fields[column].ty.clone());
            expr.kind = ExprKind::Bound(Box::new(fields.iter().try_fold(bound, field)?));
            return Ok(());
        }
        expr.children_mut().into_iter().try_for_each(|child| self.argument(child, seen))
    }

    /// `MATCH_ROWTIME()`, `MATCH_ROWTIME(ts)`: without argument a TIMESTAMP, else what the column is.
    fn rowtime(&mut self, call: &Call) -> Planned<Expr> {
        let Some(arg) = call.args.first() else {
            let ty = TypeKind::Timestamp { precision: 3, attribute: TimeAttribute::Rowtime }.not_null();
            return Ok(self.read(MatchRead::Rowtime { ty }));
        };
        let (ExprKind::Column(path), 1) = (&arg.kind, call.args.len()) else {
            return Err(PlanError::new(Code::Types, "MATCH_ROWTIME takes a rowtime column, or nothing").at(arg.span));
        };
        let (_, column, fields) = self.resolve(path)?;
        let ty = self.schema.fields[column].ty.clone();
        if ty.kind.time_attribute() != TimeAttribute::Rowtime || !fields.is_empty() {
            let error = PlanError::new(Code::TimeAttribute, format!("`{}` is not a rowtime attribute", told(path))).at(arg.span);
            return Err(error.label(format!("this is {}", super::expr::article(&ty))));
        }
        Ok(self.read(MatchRead::Rowtime { ty }))
    }
}

fn number(expr: &ast::Expr) -> Planned<u32> {
    let ExprKind::Number(_) = &expr.kind else {
        return Err(PlanError::new(Code::Syntax, "the number of rows is a literal").at(expr.span));
    };
    let bound = ExprBinder { scope: &Scope::default(), schema: &Schema::default(), grouping: None, clause: "an offset" }.bind(expr)?;
    let number = match bound.node {
        ExprNode::Literal(Value::Int(number)) => u32::try_from(number).ok(),
        _ => None,
    };
    number.ok_or_else(|| PlanError::new(Code::Types, "the number of rows is whole and not negative").at(expr.span))
}

fn physical(span: Span) -> PlanError {
    PlanError::new(Code::Unsupported, "physical offsets (PREV, NEXT) are not supported within a partition, as in Flink")
        .at(span)
        .label("LAST(B.x, 1) is the row of B before this one")
}
