//! MATCH_RECOGNIZE in Flink's words, its pattern as it is written.

use irmak_common::match_spec::{AfterMatch, MatchExpr, MatchRead, MatchSpec, PatternVariable};
use irmak_common::types::{Field, Schema};

use super::expr;

/// `Match(partitionBy=[a], orderBy=[ts ASC], measures=[FINAL(A.v) AS v], rowsPerMatch=[ONE ROW PER MATCH], after=[SKIP PAST LAST ROW], ...)`
pub(crate) fn matched(spec: &MatchSpec, input: &Schema, output: &Schema) -> String {
    let name = |column: usize| input.fields.get(column).map_or("", |field| field.name.as_str());
    let names = |columns: &[usize]| columns.iter().map(|column| name(*column)).collect::<Vec<_>>().join(", ");
    let partition = if spec.partition_by.is_empty() { String::new() } else { format!("partitionBy=[{}], ", names(&spec.partition_by)) };
    let order = spec.order_by.iter().map(|key| format!("{} {}", name(key.column), if key.descending { "DESC" } else { "ASC" }));
    let fields = output.fields.iter().skip(spec.partition_by.len());
    let measures =
        spec.measures.iter().zip(fields).map(|(measure, field)| format!("FINAL({}) AS {}", told(measure, spec, input), field.name));
    let define = spec.pattern.iter().filter_map(|variable| Some((variable, variable.condition.as_ref()?)));
    let define = define.map(|(variable, condition)| format!("{}={}", variable.name, told(condition, spec, input)));
    let within = spec.within_ms.map(|within| format!(", interval=[{within}:INTERVAL SECOND]")).unwrap_or_default();
    format!(
        "Match({partition}orderBy=[{}], measures=[{}], rowsPerMatch=[ONE ROW PER MATCH], after=[{}], pattern=[{}]{within}, define=[{{{}}}])",
        order.collect::<Vec<_>>().join(", "),
        measures.collect::<Vec<_>>().join(", "),
        after(spec),
        spec.pattern.iter().map(variable).collect::<Vec<_>>().join(" "),
        define.collect::<Vec<_>>().join(", "),
    )
}

fn after(spec: &MatchSpec) -> String {
    let name = |variable: usize| spec.pattern.get(variable).map_or("", |variable| variable.name.as_str());
    match spec.skip {
        AfterMatch::PastLastRow => "SKIP PAST LAST ROW".into(),
        AfterMatch::NextRow => "SKIP TO NEXT ROW".into(),
        AfterMatch::First { variable } => format!("SKIP TO FIRST {}", name(variable)),
        AfterMatch::Last { variable } => format!("SKIP TO LAST {}", name(variable)),
    }
}

/// `B{2,3}?`
fn variable(variable: &PatternVariable) -> String {
    let times = match (variable.min, variable.max) {
        (1, Some(1)) => String::new(),
        (0, Some(1)) => "?".into(),
        (0, None) => "*".into(),
        (1, None) => "+".into(),
        (min, None) => format!("{{{min},}}"),
        (min, Some(max)) if min == max => format!("{{{min}}}"),
        (min, Some(max)) => format!("{{{min},{max}}}"),
    };
    let varies = variable.max != Some(variable.min) && (variable.min, variable.max) != (0, Some(1));
    let reluctant = if varies && !variable.greedy { "?" } else { "" };
    format!("{}{times}{reluctant}", variable.name)
}

fn told(matched: &MatchExpr, spec: &MatchSpec, input: &Schema) -> String {
    let field = |read: &MatchRead| Field::new(self::read(read, spec, input), read.ty().clone());
    expr(&matched.expr, &Schema::new(matched.reads.iter().map(field).collect()))
}

fn read(read: &MatchRead, spec: &MatchSpec, input: &Schema) -> String {
    let name = |column: &usize| input.fields.get(*column).map_or("", |field| field.name.as_str());
    let of = |variable: &Option<usize>| match variable {
        Some(variable) => format!("{}.", spec.pattern.get(*variable).map_or("?", |variable| variable.name.as_str())),
        None => String::new(),
    };
    match read {
        MatchRead::Field { variable, from_first: false, offset: 0, column, .. } => format!("{}{}", of(variable), name(column)),
        MatchRead::Field { variable, from_first, offset, column, .. } => {
            let function = if *from_first { "FIRST" } else { "LAST" };
            format!("{function}({}{}, {offset})", of(variable), name(column))
        }
        MatchRead::Aggregate { function, args, .. } if args.is_empty() => format!("{function}(*)"),
        MatchRead::Aggregate { variable, function, args, .. } => {
            let fields = input.fields.iter().map(|field| Field::new(format!("{}{}", of(variable), field.name), field.ty.clone()));
            let qualified = Schema::new(fields.collect());
            format!("{function}({})", args.iter().map(|arg| expr(arg, &qualified)).collect::<Vec<_>>().join(", "))
        }
        MatchRead::Rowtime { .. } => "MATCH_ROWTIME()".into(),
        MatchRead::Proctime { .. } => "MATCH_PROCTIME()".into(),
    }
}
