//! What a grouped query groups by and computes, while its SELECT list is being bound above it.
//!
//! The aggregate's output is keys, aggregates, window properties. How many aggregates there are is known only at the end, so until
//! then their columns have provisional numbers, which [`Grouping::settle`] makes final.

use irmak_common::expr::{Expr, ExprNode};
use irmak_common::operator_spec::WindowProperty;
use irmak_common::types::{LogicalType, Schema, TimeAttribute, TypeKind};

use crate::algebra::{WindowColumns, plain, with_attribute};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::Name;

use super::expand::Expanded;
use super::expr::field;
use super::scope::{Scope, told};
use super::window::GroupWindow;

/// Provisional number of the first aggregate's column.
const AGGREGATES: usize = 1 << 40;
/// Provisional number of the first property's column.
const PROPERTIES: usize = 1 << 41;
/// Provisional number of the first column that is joined above.
pub(crate) const ATTACHED: usize = PROPERTIES + AGGREGATES;

/// One aggregate, over the columns of the relation below.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Aggregate {
    pub(crate) function: String,
    pub(crate) args: Vec<Expr>,
    pub(crate) distinct: bool,
    pub(crate) filter: Option<Expr>,
    pub(crate) ty: LogicalType,
}

/// Where the windows come from.
#[derive(Clone, Debug)]
pub(crate) enum Windows {
    /// `GROUP BY TUMBLE(...)`.
    Group(GroupWindow),
    /// `window_start` and `window_end` of the relation below are among the keys.
    Attached(WindowColumns),
    /// There are none: the result is updated as rows come.
    None,
}

/// What a grouped query groups by and computes.
#[derive(Debug)]
pub(crate) struct Grouping {
    /// Grouping expressions, those of the window left out.
    pub(crate) keys: Vec<Expr>,
    pub(crate) windows: Windows,
    pub(crate) aggregates: Vec<Aggregate>,
    /// The names that the SELECT list gives them.
    pub(crate) names: Vec<Option<String>>,
    pub(crate) properties: Vec<WindowProperty>,
    /// The relation below.
    pub(crate) scope: Scope,
    pub(crate) schema: Schema,
    /// Expressions that other grouping sets group by and this one does not: NULL here.
    pub(crate) absent: Vec<Expr>,
    /// All grouping sets at once, where they are aggregated together.
    pub(crate) expanded: Option<Box<Expanded>>,
    /// The alias of the item that is being bound.
    pub(crate) alias: Option<String>,
}

impl Grouping {
    /// By these keys and windows, over a relation of this schema, which the scope names; nothing is computed yet.
    pub(crate) fn new(keys: Vec<Expr>, windows: Windows, scope: Scope, schema: Schema) -> Self {
        Self {
            keys,
            windows,
            aggregates: Vec::new(),
            names: Vec::new(),
            properties: Vec::new(),
            scope,
            schema,
            absent: Vec::new(),
            expanded: None,
            alias: None,
        }
    }

    /// The output column that a column of the relation below has become, where it is grouped by.
    pub(crate) fn column(&self, index: usize) -> Option<Expr> {
        self.find(&Expr::column(index, self.schema.fields[index].ty.clone()))
    }

    /// The same of `column.field`: it is grouped by as a whole, or a row that it is a field of is. And how many of the path's names that is.
    ///
    /// # Errors
    /// When there is no such field.
    pub(crate) fn nested(&self, index: usize, path: &[Name], used: usize) -> Planned<Option<(Expr, usize)>> {
        if let Some(column) = self.column(index) {
            return Ok(Some((column, used)));
        }
        let mut below = Expr::column(index, self.schema.fields[index].ty.clone());
        for (at, name) in path.iter().enumerate().skip(used) {
            below = field(below, name)?;
            if let Some(column) = self.find(&below) {
                return Ok(Some((column, at + 1)));
            }
        }
        Ok(None)
    }

    /// The output column that an expression has become, where it is grouped by.
    pub(crate) fn find(&self, expr: &Expr) -> Option<Expr> {
        if let Some(position) = self.keys.iter().position(|key| key == expr) {
            let unbounded = matches!(self.windows, Windows::None);
            let mut ty = if unbounded { plain(&expr.ty) } else { expr.ty.clone() };
            ty.nullable |= self.expanded.as_ref().is_some_and(|expanded| expanded.leaves_out(position));
            return Some(Expr::column(position, ty));
        }
        if self.absent.contains(expr) {
            return Some(Expr::null(expr.ty.kind.clone()));
        }
        let Windows::Attached(columns) = &self.windows else { return None };
        let index = expr.as_column()?;
        let property = if index == columns.start {
            WindowProperty::Start
        } else if index == columns.end {
            WindowProperty::End
        } else if Some(index) == columns.time && self.properties.contains(&WindowProperty::Rowtime) {
            WindowProperty::Rowtime
        } else {
            return None;
        };
        let position = self.properties.iter().position(|known| *known == property)?;
        Some(Expr::column(PROPERTIES + position, expr.ty.clone()))
    }

    /// Whether some grouping expression is more than a column, so that an expression may be one as a whole.
    pub(crate) fn has_expressions(&self) -> bool {
        self.keys.iter().chain(&self.absent).any(|key| key.as_column().is_none())
    }

    /// The output column of an aggregate, set aside once.
    pub(crate) fn aggregate(&mut self, aggregate: Aggregate) -> Expr {
        let ty = aggregate.ty.clone();
        let position = self.aggregates.iter().position(|known| *known == aggregate).unwrap_or_else(|| {
            self.aggregates.push(aggregate);
            self.names.push(self.alias.take());
            self.aggregates.len() - 1
        });
        Expr::column(AGGREGATES + position, ty)
    }

    /// The output column of a window property.
    pub(crate) fn property(&mut self, property: WindowProperty) -> Expr {
        let position = self.properties.iter().position(|known| *known == property).unwrap_or_else(|| {
            self.properties.push(property);
            self.properties.len() - 1
        });
        let ty = self.property_type(property);
        Expr::column(PROPERTIES + position, ty)
    }

    /// The type of a property's column.
    pub(crate) fn property_type(&self, property: WindowProperty) -> LogicalType {
        let time = match &self.windows {
            Windows::Group(window) => &window.time.ty,
            Windows::Attached(columns) => match columns.time {
                Some(time) => &self.schema.fields[time].ty,
                None => return TypeKind::timestamp(3).not_null(),
            },
            Windows::None => return TypeKind::timestamp(3).not_null(),
        };
        match property {
            WindowProperty::Start | WindowProperty::End => TypeKind::timestamp(3).not_null(),
            WindowProperty::Rowtime => {
                // Batch mode knows no time attributes.
                let attribute =
                    if time.kind.time_attribute() == TimeAttribute::None { TimeAttribute::None } else { TimeAttribute::Rowtime };
                let rowtime = with_attribute(time, attribute);
                if matches!(self.windows, Windows::Group(_)) { rowtime.with_nullable(true) } else { time.clone() }
            }
            WindowProperty::Proctime => TypeKind::TimestampLtz { precision: 3, attribute: TimeAttribute::Proctime }.not_null(),
        }
    }

    /// How many columns the aggregate gives.
    pub(crate) fn width(&self) -> usize {
        self.keys.len() + self.aggregates.len() + self.properties.len()
    }

    /// The error of a column that is neither grouped by nor aggregated.
    pub(crate) fn not_grouped(&self, path: &[Name], span: Span) -> PlanError {
        PlanError::new(Code::NotGrouped, format!("column `{}` is not being grouped", told(path)))
            .at(span)
            .label("group by it, or aggregate it")
    }

    /// Final column numbers in an expression bound above.
    pub(crate) fn settle(&self, expr: &mut Expr) {
        if let ExprNode::Column(index) = &mut expr.node {
            if *index >= super::over::OVERS {
                // Not of the aggregate: settled later.
            } else if *index >= ATTACHED {
                *index = self.width() + (*index - ATTACHED);
            } else if *index >= PROPERTIES {
                *index = self.keys.len() + self.aggregates.len() + (*index - PROPERTIES);
            } else if *index >= AGGREGATES {
                *index = self.keys.len() + (*index - AGGREGATES);
            }
        }
        expr.children_mut().into_iter().for_each(|child| self.settle(child));
    }
}
