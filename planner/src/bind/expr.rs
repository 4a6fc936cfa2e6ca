//! Expressions: which column, function, cast and type each node is.
//!
//! In a grouped query the same binder works above the aggregate: what equals a grouping expression becomes a column of the
//! aggregate's output, aggregates are set aside, and a plain column left over is an error.

use irmak_common::expr::{CastMode, Expr, ExprNode, Value};
use irmak_common::types::{LogicalType, Schema, TimeAttribute, TypeKind};
use irmak_functions::{castable, common_type};

use crate::algebra::{cast_to, plain};
use crate::ast::{self, ExprKind};
use crate::condition::{all_of, any_of};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::Name;

use super::group::Grouping;
use super::scope::{Scope, field_of};
use super::{call, interval_count, literal, untyped};

/// Binds expressions over one relation.
pub(crate) struct ExprBinder<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) schema: &'a Schema,
    /// Above an aggregate: what it groups by and what it computes.
    pub(crate) grouping: Option<&'a mut Grouping>,
    /// What the clause is, where aggregates may not stand in it.
    pub(crate) clause: &'static str,
}

impl ExprBinder<'_> {
    /// The expression, typed.
    pub(crate) fn bind(&mut self, expr: &ast::Expr) -> Planned<Expr> {
        if let Some(found) = self.grouped(expr)? {
            return Ok(found);
        }
        match &expr.kind {
            ExprKind::Column(path) => self.column(path, expr.span),
            ExprKind::Number(text) => literal::number(text, expr.span),
            ExprKind::String(text) => Ok(literal::string(text)),
            ExprKind::Bytes(bytes) => {
                let kind = TypeKind::Binary(bytes.len() as u32);
                Ok(Expr::literal(Value::Bytes(bytes.clone()), kind.not_null()))
            }
            ExprKind::Boolean(value) => Ok(Expr::literal(Value::Boolean(*value), TypeKind::Boolean.not_null())),
            ExprKind::Null => Ok(Expr::null(TypeKind::Null)),
            ExprKind::Unknown => Ok(Expr::null(TypeKind::Boolean)),
            ExprKind::TypedNull(ty) => Ok(Expr::null(ty.kind.clone())),
            ExprKind::Typed { keyword, text } => literal::typed(keyword, text, expr.span),
            ExprKind::Interval(interval) => literal::interval(interval, expr.span),
            ExprKind::Symbol(text) => Ok(Expr::literal(Value::String(text.clone()), TypeKind::Symbol.not_null())),
            ExprKind::And(terms) => self.logic(terms, ExprNode::And, "AND"),
            ExprKind::Or(terms) => self.logic(terms, ExprNode::Or, "OR"),
            ExprKind::Not(input) => {
                untyped::typed(input)?;
                let input = self.condition(input, "NOT")?;
                call::resolve("NOT", vec![input], expr.span)
            }
            ExprKind::Operator { name, args } => self.operator(name, args, expr.span),
            ExprKind::Between { operand, low, high, symmetric } => self.between(operand, low, high, *symmetric, expr.span),
            ExprKind::Case { operand, branches, otherwise } => self.case(operand.as_deref(), branches, otherwise.as_deref(), expr.span),
            ExprKind::Cast { input, ty, safe } => {
                let bound = self.bind(input)?;
                match interval_count::counted(input, &bound, ty, expr.span)? {
                    Some(count) => Ok(count),
                    None => explicit_cast(bound, ty, *safe, expr.span),
                }
            }
            ExprKind::Call(call) => self.call(call, expr.span),
            ExprKind::Bound(bound) => Ok((**bound).clone()),
            ExprKind::Field { base, name } => {
                let base = self.bind(base)?;
                field(base, name)
            }
            ExprKind::Attached(index) => self.attached(*index).ok_or_else(|| subquery("a subquery beside an aggregate", expr.span)),
            ExprKind::InQuery { .. } => Err(subquery("IN (subquery)", expr.span)),
            ExprKind::Exists(_) => Err(subquery("EXISTS", expr.span)),
            ExprKind::Subquery(_) => Err(subquery("a scalar subquery", expr.span)),
        }
    }

    fn operator(&mut self, name: &str, args: &[ast::Expr], span: Span) -> Planned<Expr> {
        untyped::arguments(name, args)?;
        // The unit of `(a - b) DAY` is no operand.
        let operands = if name == ast::MINUS_DATE { &args[..2] } else { args };
        let args = self.all(operands)?;
        let times = args.len() == 2 && args.iter().all(|arg| is_moment(&arg.ty.kind));
        match name {
            "ITEM" if matches!(args[0].ty.kind, TypeKind::Row(_)) => row_item(args, span),
            ast::MINUS_DATE if times => call::resolve("-", args, span),
            ast::MINUS_DATE => Err(no_difference(&args, "(<DATETIME> - <DATETIME>) <UNIT>", span)),
            "-" if times => Err(no_difference(&args, "<DATETIME> - <INTERVAL>, (<DATETIME> - <DATETIME>) DAY", span)),
            name => call::resolve(name, args, span),
        }
    }

    /// The column that a subquery has become.
    fn attached(&self, index: usize) -> Option<Expr> {
        match &self.grouping {
            Some(grouping) => grouping.column(index),
            None => self.schema.fields.get(index).map(|field| Expr::column(index, field.ty.clone())),
        }
    }

    /// Several expressions.
    pub(crate) fn all(&mut self, exprs: &[ast::Expr]) -> Planned<Vec<Expr>> {
        exprs.iter().map(|expr| self.bind(expr)).collect()
    }

    fn column(&mut self, path: &[Name], span: Span) -> Planned<Expr> {
        let (index, used) = match self.scope.resolve(path) {
            Ok(found) => found,
            // Calcite knows PI without parentheses; a column of that name comes first.
            Err(_) if path.len() == 1 && path[0].text.eq_ignore_ascii_case("PI") => return call::resolve("PI", Vec::new(), span),
            Err(error) => return Err(error),
        };
        let (mut expr, used) = match &self.grouping {
            Some(grouping) => grouping.nested(index, path, used)?.ok_or_else(|| grouping.not_grouped(path, span))?,
            None => (Expr::column(index, self.schema.fields[index].ty.clone()), used),
        };
        for name in &path[used..] {
            expr = field(expr, name)?;
        }
        Ok(expr)
    }

    /// A BOOLEAN, for a place that takes nothing else.
    pub(crate) fn condition(&mut self, expr: &ast::Expr, place: &str) -> Planned<Expr> {
        let bound = self.bind(expr)?;
        match bound.ty.kind {
            TypeKind::Boolean => Ok(bound),
            TypeKind::Null => Ok(Expr::null(TypeKind::Boolean)),
            _ => Err(PlanError::new(Code::NotBoolean, format!("{place} takes a condition, not {}", article(&bound.ty)))
                .at(expr.span)
                .label(format!("this is {}", article(&bound.ty)))),
        }
    }

    fn logic(&mut self, terms: &[ast::Expr], node: fn(Vec<Expr>) -> ExprNode, place: &str) -> Planned<Expr> {
        terms.iter().try_for_each(untyped::typed)?;
        let terms: Vec<Expr> = terms.iter().map(|term| self.condition(term, place)).collect::<Planned<_>>()?;
        let nullable = terms.iter().any(|term| term.ty.nullable);
        Ok(Expr { node: node(terms), ty: TypeKind::Boolean.nullable().with_nullable(nullable) })
    }

    fn between(&mut self, operand: &ast::Expr, low: &ast::Expr, high: &ast::Expr, symmetric: bool, span: Span) -> Planned<Expr> {
        let (operand, low, high) = (self.bind(operand)?, self.bind(low)?, self.bind(high)?);
        let within = |low: &Expr, high: &Expr| -> Planned<Expr> {
            let above = call::resolve(">=", vec![operand.clone(), low.clone()], span)?;
            let below = call::resolve("<=", vec![operand.clone(), high.clone()], span)?;
            Ok(all_of(vec![above, below]))
        };
        let forward = within(&low, &high)?;
        if !symmetric {
            return Ok(forward);
        }
        Ok(any_of(vec![forward, within(&high, &low)?]))
    }

    fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        branches: &[(ast::Expr, ast::Expr)],
        otherwise: Option<&ast::Expr>,
        span: Span,
    ) -> Planned<Expr> {
        let operand = operand.map(|operand| self.bind(operand)).transpose()?;
        let mut bound = Vec::with_capacity(branches.len());
        for (when, then) in branches {
            let condition = match &operand {
                Some(operand) => {
                    let value = self.bind(when)?;
                    call::resolve("=", vec![operand.clone(), value], when.span)?
                }
                None => self.condition(when, "WHEN")?,
            };
            bound.push((condition, self.bind(then)?));
        }
        let otherwise = otherwise.map_or_else(|| Ok(Expr::null(TypeKind::Null)), |otherwise| self.bind(otherwise))?;
        let plain_types: Vec<LogicalType> =
            bound.iter().map(|(_, value)| value).chain([&otherwise]).map(|value| plain(&value.ty)).collect();
        let types: Vec<&LogicalType> = plain_types.iter().collect();
        if mixes_dates(&types) {
            return Err(PlanError::new(Code::Types, "illegal mixing of types in CASE: DATE and TIMESTAMP")
                .at(span)
                .label("write CAST(date AS TIMESTAMP(3))"));
        }
        if types.iter().all(|ty| ty.kind == TypeKind::Null) {
            return Err(PlanError::new(Code::Types, "CASE has no value but NULL: ELSE or at least one THEN must be something else")
                .at(span)
                .label("write CAST(NULL AS type)"));
        }
        let Some(ty) = common_type(&types) else {
            let told = types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(PlanError::new(Code::Types, "the values of CASE have no type in common").at(span).note(format!("types: {told}")));
        };
        let nullable = types.iter().any(|ty| ty.nullable);
        let ty = ty.with_nullable(nullable);
        let branches = bound.into_iter().map(|(condition, value)| (condition, cast_to(value, &ty))).collect();
        Ok(Expr { node: ExprNode::Case { branches, otherwise: Box::new(cast_to(otherwise, &ty)) }, ty })
    }

    fn call(&mut self, call: &ast::Call, span: Span) -> Planned<Expr> {
        if let Some(over) = &call.over {
            let message = format!("a call OVER a window cannot stand in {}", self.clause);
            return Err(PlanError::new(Code::Aggregate, message).at(span.to(over.span)).label("select it in a subquery first"));
        }
        if super::aggregate::is_aggregate(&call.name.text) {
            return self.aggregate(call, span);
        }
        if super::window::is_auxiliary(&call.name.text) {
            return self.auxiliary(call, span);
        }
        if call.star || call.distinct || call.filter.is_some() {
            let what = if call.star {
                "*"
            } else if call.distinct {
                "DISTINCT"
            } else {
                "FILTER"
            };
            if !irmak_functions::names().any(|known| known.eq_ignore_ascii_case(&call.name.text)) {
                let unknown = irmak_functions::SignatureError::new("");
                return Err(call::refused(&call.name.text, unknown, call.name.span));
            }
            let message = format!("{what} is for aggregate functions, and `{}` is none", call.name.text);
            return Err(PlanError::new(Code::Syntax, message).at(span));
        }
        untyped::arguments(&call.name.text, &call.args)?;
        let args = self.all(&call.args)?;
        if call.name.text.eq_ignore_ascii_case("CURRENT_WATERMARK") {
            is_rowtime(&args, span)?;
        }
        call::resolve(&call.name.text, args, span).map_err(|error| error.at(call.name.span))
    }
}

/// `row.field`.
pub(crate) fn field(base: Expr, name: &Name) -> Planned<Expr> {
    let (position, field) = field_of(&base.ty.kind, name)?;
    let ty = field.ty.with_nullable(field.ty.nullable || base.ty.nullable);
    let position = Expr::literal(Value::Int(position as i64), TypeKind::Int.not_null());
    Ok(Expr::call("FIELD", vec![base, position], ty))
}

/// `row[1]`, `row['name']`: a field by its place, from 1, or its name.
fn row_item(args: Vec<Expr>, span: Span) -> Planned<Expr> {
    let (place, row) = match <[Expr; 2]>::try_from(args) {
        Ok([row, place]) => (place, row),
        Err(_) => return Err(PlanError::new(Code::Types, "a row has fields: write row[1] or row.name").at(span)),
    };
    let TypeKind::Row(fields) = &row.ty.kind else { return call::resolve("ITEM", vec![row, place], span) };
    let name = match &place.node {
        ExprNode::Literal(Value::Int(place)) => {
            usize::try_from(*place).ok().and_then(|place| fields.get(place.checked_sub(1)?)).map(|field| field.name.clone())
        }
        ExprNode::Literal(Value::String(name)) => Some(name.clone()),
        _ => None,
    };
    let Some(text) = name else {
        return Err(PlanError::new(Code::UnknownField, format!("a row of {} fields is read by a constant place or name", fields.len()))
            .at(span)
            .label(format!("write a number from 1 to {}, or a field's name", fields.len())));
    };
    field(row, &Name { text, span })
}

/// `CAST(input AS ty)`.
pub(crate) fn explicit_cast(input: Expr, ty: &LogicalType, safe: bool, span: Span) -> Planned<Expr> {
    let from = plain(&input.ty);
    if !castable(&from, ty) {
        let error = PlanError::new(Code::Cast, format!("{} cannot be cast to {}", from.kind, ty.kind)).at(span);
        return Err(match cast_advice(&from.kind, &ty.kind) {
            Some(advice) => error.note(advice),
            None => error,
        });
    }
    let nullable = input.ty.nullable || safe;
    let ty = ty.with_nullable(nullable).settled();
    if let ExprNode::Literal(Value::Null) = input.node {
        return Ok(Expr::null(ty.kind));
    }
    let mode = if safe { CastMode::Try } else { CastMode::Strict };
    Ok(Expr { node: ExprNode::Cast { input: Box::new(input), mode }, ty })
}

fn cast_advice(from: &TypeKind, to: &TypeKind) -> Option<&'static str> {
    use TypeKind as T;
    let numeric = |kind: &T| matches!(kind, T::TinyInt | T::SmallInt | T::Int | T::BigInt | T::Float | T::Double | T::Decimal { .. });
    match (from, to) {
        (from, T::Timestamp { .. }) if numeric(from) => Some("use TO_TIMESTAMP(FROM_UNIXTIME(seconds))"),
        (from, T::TimestampLtz { .. }) if numeric(from) => Some("use TO_TIMESTAMP_LTZ(number, 0) for seconds, 3 for milliseconds"),
        (T::Timestamp { .. }, to) if numeric(to) => Some("use UNIX_TIMESTAMP(CAST(timestamp AS STRING))"),
        _ => None,
    }
}

fn is_moment(kind: &TypeKind) -> bool {
    matches!(kind, TypeKind::Date | TypeKind::Timestamp { .. } | TypeKind::TimestampLtz { .. })
}

/// Whether dates stand beside timestamps, which the branches of one CASE and the rows of one column may not.
pub(super) fn mixes_dates(types: &[&LogicalType]) -> bool {
    let any = |test: fn(&TypeKind) -> bool| types.iter().any(|ty| test(&ty.kind));
    any(|kind| matches!(kind, TypeKind::Date)) && any(|kind| matches!(kind, TypeKind::Timestamp { .. } | TypeKind::TimestampLtz { .. }))
}

/// Only a time attribute has a watermark.
fn is_rowtime(args: &[Expr], span: Span) -> Planned<()> {
    match args {
        [only] if only.ty.kind.time_attribute() == TimeAttribute::Rowtime => Ok(()),
        _ => Err(PlanError::new(Code::Types, "CURRENT_WATERMARK() must be called with a single rowtime attribute argument")
            .at(span)
            .note("a rowtime attribute is the column of `WATERMARK FOR` as it stands, without a cast or a function around it")),
    }
}

/// Times are subtracted in a unit.
fn no_difference(args: &[Expr], accepted: &str, span: Span) -> PlanError {
    let types = args.iter().map(|arg| plain(&arg.ty).kind.to_string()).collect::<Vec<_>>().join(", ");
    PlanError::new(Code::Types, format!("cannot apply `-` to ({types})")).at(span).note(format!("accepted: {accepted}, TIMESTAMPDIFF"))
}

fn subquery(what: &str, span: Span) -> PlanError {
    PlanError::new(Code::Unsupported, format!("{what} is not supported here"))
        .at(span)
        .note("subqueries may stand in FROM, WHERE, HAVING and SELECT")
}

/// `a STRING`, `an INT`.
pub(crate) fn article(ty: &LogicalType) -> String {
    let text = ty.kind.to_string();
    let an = text.starts_with(['A', 'I']);
    format!("{} {text}", if an { "an" } else { "a" })
}
