//! Operators and expressions in Flink's words: `Calc(select=[id, (price * (1 + kdv)) AS price_with_kdv])`.
//!
//! For people and for the ids of vertices: a description is the same for the same script, and never holds a secret.

pub(crate) mod batch;
mod changelog;
pub(crate) mod join;
pub(crate) mod matched;
pub(crate) mod ordered;

use irmak_common::call_spec::AggregateCall;
use irmak_common::expr::{CastMode, Expr, ExprNode, Value};
use irmak_common::operator_spec::{SourceSpec, WindowAggregateSpec, WindowKind, WindowProperty, WindowSpec, WindowStyle};
use irmak_common::types::{LogicalType, Schema, TypeKind};

pub(crate) use changelog::{deduplicate, group_aggregate, normalize, rank, relation, set_operation};

/// An expression over columns of these names.
pub(crate) fn expr(expr: &Expr, input: &Schema) -> String {
    let all = |args: &[Expr]| args.iter().map(|arg| self::expr(arg, input)).collect::<Vec<_>>();
    match &expr.node {
        ExprNode::Column(index) => input.fields.get(*index).map_or_else(|| format!("${index}"), |field| field.name.clone()),
        ExprNode::Literal(value) => literal(value, &expr.ty),
        ExprNode::Cast { input: inner, mode } => {
            let name = if *mode == CastMode::Try { "TRY_CAST" } else { "CAST" };
            format!("{name}({} AS {})", self::expr(inner, input), expr.ty.kind)
        }
        ExprNode::Case { branches, otherwise } => {
            let mut parts: Vec<String> =
                branches.iter().flat_map(|(when, then)| [self::expr(when, input), self::expr(then, input)]).collect();
            parts.push(self::expr(otherwise, input));
            format!("CASE({})", parts.join(", "))
        }
        ExprNode::And(args) => format!("({})", all(args).join(" AND ")),
        ExprNode::Or(args) => format!("({})", all(args).join(" OR ")),
        ExprNode::Call { function, args } => call(function, &all(args)),
    }
}

fn call(function: &str, args: &[String]) -> String {
    let symbolic = !function.chars().any(char::is_alphanumeric);
    match args {
        [left, right] if symbolic || matches!(function, "LIKE" | "SIMILAR TO" | "IS DISTINCT FROM" | "IS NOT DISTINCT FROM") => {
            format!("({left} {function} {right})")
        }
        [only] if symbolic => format!("{function}{only}"),
        [only] if function.starts_with("IS ") => format!("{only} {function}"),
        [base, index] if function == "ITEM" => format!("{base}[{index}]"),
        _ => format!("{function}({})", args.join(", ")),
    }
}

fn literal(value: &Value, ty: &LogicalType) -> String {
    match (value, &ty.kind) {
        (Value::Null, kind) => format!("null:{kind}"),
        (Value::Boolean(value), _) => value.to_string(),
        (Value::Int(value), TypeKind::IntervalDayTime { .. }) => format!("{value}:INTERVAL SECOND"),
        (Value::Int(value), TypeKind::IntervalYearMonth { .. }) => format!("{value}:INTERVAL MONTH"),
        (Value::Int(value), TypeKind::TinyInt | TypeKind::SmallInt | TypeKind::Int | TypeKind::BigInt) => value.to_string(),
        (Value::Int(value), kind) => format!("{value}:{kind}"),
        (Value::Float(value), _) => format!("{value:?}"),
        (Value::Decimal(unscaled), TypeKind::Decimal { scale, .. }) => decimal(*unscaled, usize::from(*scale)),
        (Value::Decimal(unscaled), _) => unscaled.to_string(),
        (Value::String(text), TypeKind::Symbol) => text.clone(),
        (Value::String(text), _) => format!("'{}'", text.replace('\'', "''")),
        (Value::Bytes(bytes), _) => format!("X'{}'", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        (other, kind) => format!("{other:?}:{kind}"),
    }
}

fn decimal(unscaled: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// `id, (price * 2) AS double_price`
pub(crate) fn select(exprs: &[Expr], input: &Schema, output: &Schema) -> String {
    let item = |(at, item): (usize, &Expr)| {
        let told = expr(item, input);
        match output.fields.get(at) {
            Some(field) if field.name != told => format!("{told} AS {}", field.name),
            _ => told,
        }
    };
    exprs.iter().enumerate().map(item).collect::<Vec<_>>().join(", ")
}

/// The names of all columns.
pub(crate) fn fields(schema: &Schema) -> String {
    schema.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// `TableSourceScan(table=[[default_catalog, default_database, t]], fields=[a, b])`
pub(crate) fn scan(source: &SourceSpec, output: &Schema) -> String {
    let all = source.projection.len() == source.physical.len();
    let project = if all {
        String::new()
    } else {
        let names: Vec<&str> =
            source.projection.iter().filter_map(|at| source.physical.fields.get(*at)).map(|field| field.name.as_str()).collect();
        format!(", project=[{}]", names.join(", "))
    };
    let keys: Vec<&str> = source.metadata.iter().map(|(key, _)| key.as_str()).collect();
    let metadata = if keys.is_empty() && all { String::new() } else { format!(", metadata=[{}]", keys.join(", ")) };
    let table = source.database.listed(&source.table);
    format!("TableSourceScan(table=[[{table}{project}{metadata}]], fields=[{}])", fields(output))
}

/// A window in Flink's words for its family.
pub(crate) fn window(window: &WindowSpec, input: &Schema) -> String {
    let time = window.time.and_then(|at| input.fields.get(at)).map_or("proctime", |field| field.name.as_str());
    if window.style == WindowStyle::Group {
        return match &window.kind {
            WindowKind::Tumble { size, .. } => format!("TumblingGroupWindow('w$, {time}, {size})"),
            WindowKind::Hop { size, slide, .. } => format!("SlidingGroupWindow('w$, {time}, {size}, {slide})"),
            WindowKind::Session { gap } => format!("SessionGroupWindow('w$, {time}, {gap})"),
            other => format!("{other:?}"),
        };
    }
    let offset = |offset: i64| if offset == 0 { String::new() } else { format!(", offset=[{}]", millis(offset)) };
    match &window.kind {
        WindowKind::Tumble { size, offset: by } => format!("TUMBLE(time_col=[{time}], size=[{}]{})", millis(*size), offset(*by)),
        WindowKind::Hop { size, slide, offset: by } => {
            format!("HOP(time_col=[{time}], size=[{}], slide=[{}]{})", millis(*size), millis(*slide), offset(*by))
        }
        WindowKind::Cumulate { size, step, offset: by } => {
            format!("CUMULATE(time_col=[{time}], max_size=[{}], step=[{}]{})", millis(*size), millis(*step), offset(*by))
        }
        WindowKind::Session { gap } => format!("SESSION(time_col=[{time}], gap=[{}])", millis(*gap)),
        WindowKind::Attached { start, end } => {
            let name = |at: usize| input.fields.get(at).map_or("", |field| field.name.as_str());
            format!("ATTACHED(win_start=[{}], win_end=[{}])", name(*start), name(*end))
        }
    }
}

/// `10 s`, `2 min`, as Flink's durations print.
fn millis(millis: i64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    match units.iter().find(|(unit, _)| millis != 0 && millis % unit == 0) {
        Some((unit, name)) => format!("{} {name}", millis / unit),
        None => format!("{millis} ms"),
    }
}

/// `GroupWindowAggregate(groupBy=[id], window=[...], properties=[...], select=[...])`
pub(crate) fn aggregate(spec: &WindowAggregateSpec, input: &Schema) -> String {
    let name = |at: &usize| input.fields.get(*at).map_or("", |field| field.name.as_str());
    let keys: Vec<&str> = spec.keys.iter().map(name).collect();
    let mut select: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let call = |call: &AggregateCall| changelog::taking_back(call, aggregate_call(call, input), spec.retracts);
    select.extend(spec.aggregates.iter().map(|each| format!("{} AS {}", call(each), each.name)));
    let group = spec.window.style == WindowStyle::Group;
    let property = |property: &WindowProperty| match (property, group) {
        (WindowProperty::Start, true) => "start('w$) AS w$start",
        (WindowProperty::End, true) => "end('w$) AS w$end",
        (WindowProperty::Rowtime, true) => "rowtime('w$) AS w$rowtime",
        (WindowProperty::Start, false) => "start('w$) AS window_start",
        (WindowProperty::End, false) => "end('w$) AS window_end",
        (WindowProperty::Rowtime, false) => "rowtime('w$) AS window_time",
        (WindowProperty::Proctime, _) => "proctime('w$) AS w$proctime",
    };
    select.extend(spec.properties.iter().map(|item| property(item).to_owned()));
    let group_by = if keys.is_empty() { String::new() } else { format!("groupBy=[{}], ", keys.join(", ")) };
    let operator = aggregate_name(spec);
    format!("{operator}({group_by}window=[{}], select=[{}])", window(&spec.window, input), select.join(", "))
}

/// Flink's name of the operator.
pub(crate) fn aggregate_name(spec: &WindowAggregateSpec) -> &'static str {
    if spec.window.style == WindowStyle::Group { "GroupWindowAggregate" } else { "WindowAggregate" }
}

fn aggregate_call(call: &AggregateCall, input: &Schema) -> String {
    let name = |at: &usize| input.fields.get(*at).map_or("", |field| field.name.as_str());
    let args: Vec<&str> = call.args.iter().map(name).collect();
    let args = if args.is_empty() { "*".to_owned() } else { args.join(", ") };
    let distinct = if call.distinct { "DISTINCT " } else { "" };
    let filter = call.filter.map(|at| format!(" FILTER {}", name(&at))).unwrap_or_default();
    format!("{}({distinct}{args}){filter}", call.function)
}

#[cfg(test)]
mod tests {
    use super::*;
    use irmak_common::types::Field;

    #[test]
    fn expressions_read_as_in_flinks_plans() {
        let schema = Schema::new(vec![Field::new("price", TypeKind::Int.nullable()), Field::new("ts", TypeKind::timestamp(3).nullable())]);
        let price = Expr::column(0, TypeKind::Int.nullable());
        let two = Expr::literal(Value::Int(2), TypeKind::Int.not_null());
        let product = Expr::call("*", vec![price.clone(), two], TypeKind::Int.nullable());
        assert_eq!(expr(&product, &schema), "(price * 2)");
        let half = Expr::literal(Value::Decimal(-5), TypeKind::Decimal { precision: 2, scale: 1 }.not_null());
        assert_eq!(expr(&half, &schema), "-0.5");
        assert_eq!(expr(&Expr::call("IS NULL", vec![price], TypeKind::Boolean.not_null()), &schema), "price IS NULL");
    }
}
