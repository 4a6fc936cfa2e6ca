//! From a document to queries: tables become tables, operators queries over their inputs, sinks inserts.

use std::rc::Rc;

use irmak_common::job_graph::JobGraph;
use irmak_common::job_spec::{ColumnDoc, JobSpec, OperatorDoc, OperatorKind, TableSpec, WindowDoc, WindowType};

use crate::algebra::Target;
use crate::ast::{
    Alias, Body, ColumnDef, ColumnKind, CreateTable, Expr, ExprKind, GroupItem, Insert, OptionDef, Query, Select, SelectItem, SetKind,
    TableRef, WindowArg, WindowValue,
};
use crate::bind::{Binder, NamedQuery};
use crate::catalog::{Catalog, Entry};
use crate::error::{Code, PlanError, Span};
use crate::parse::{call, expr, query, types};
use crate::session::{Bound, Session};
use crate::settings::Settings;
use crate::token::Name;
use crate::{Request, ddl};

use super::Built;
use super::expressions::{Expressions, Failure};
use super::order::Order;

/// The job graph of a document.
pub(crate) fn graph(spec: &JobSpec, request: &Request<'_>, expressions: &mut Expressions) -> Built<JobGraph> {
    let mut settings = Settings::new(request.configuration);
    let mut warnings = Vec::new();
    for (key, value) in &spec.options {
        let span = expressions.place(&format!("options.{key}"), &value.0);
        warnings.extend(settings.set(key, &value.0, span));
    }
    if let Some(name) = &spec.name {
        settings.set("pipeline.name", name, Span::default());
    }
    let order = Order::of(spec)?;
    let mut session = Session { catalog: Catalog::default(), settings, script: "" };
    for (at, table) in spec.sources.iter().enumerate() {
        declare(&mut session, table, &format!("sources[{at}]"), expressions)?;
    }
    for (at, table) in spec.sinks.iter().enumerate() {
        declare(&mut session, table, &format!("sinks[{at}]"), expressions)?;
    }
    let mut ctes: Vec<(String, Rc<NamedQuery>)> = Vec::new();
    for at in order.operators {
        let operator = &spec.operators[at];
        let path = format!("operators[{at}]");
        let inputs = order.inputs.get(operator.name.as_str()).cloned().unwrap_or_default();
        let query = operator_query(operator, &inputs, &path, expressions)?;
        let named = NamedQuery { columns: Vec::new(), query, sees: ctes.len() };
        ctes.push((operator.name.clone(), Rc::new(named)));
        // Bound once by itself, so that what is wrong is this operator's.
        let mut binder = Binder::new(&session.catalog, &session.settings);
        binder.ctes.clone_from(&ctes);
        let reading = from_named(&operator.name, Span::default());
        binder.query(&select_all(reading)).map_err(|error| Failure::at(&path, error))?;
    }
    let mut bound = Bound { warnings, ..Bound::default() };
    let mut names = Vec::new();
    for (at, sink) in spec.sinks.iter().enumerate() {
        let path = format!("sinks[{at}]");
        let span = expressions.place(&format!("{path}.name"), &sink.name);
        let input = order.inputs.get(sink.name.as_str()).and_then(|inputs| inputs.first()).cloned().unwrap_or_default();
        let query = select_all(from_named(&input, span));
        let table = vec![Name { text: sink.name.clone(), span }];
        let insert = Insert { table, partition: Vec::new(), columns: Vec::new(), overwrite: None, query: Query { span, ..query }, span };
        let mut binder = Binder::new(&session.catalog, &session.settings);
        binder.ctes.clone_from(&ctes);
        let root = binder.insert(&insert).map_err(|error| Failure::at(&path, error))?;
        if let Target::Sink { spec, .. } = &root.target {
            names.push(format!("insert-into_{}", spec.database.dotted(&spec.table)));
        }
        bound.warnings.append(&mut binder.warnings);
        bound.roots.push(root);
    }
    bound.name = names.join(",");
    session.assemble(bound).map_err(|error| Failure::at("options", error))
}

fn declare(session: &mut Session<'_>, table: &TableSpec, path: &str, expressions: &mut Expressions) -> Built<()> {
    let create = create_table(table, path, expressions)?;
    let name = create.name.clone();
    let made = ddl::table(&create, &Binder::new(&session.catalog, &session.settings)).map_err(|error| Failure::at(path, error))?;
    let created = session.catalog.create(&name, Entry::Table(Rc::new(made)), crate::catalog::Life::Permanent, false);
    created.map(|_| ()).map_err(|error| Failure::at(path, error))
}

fn create_table(table: &TableSpec, path: &str, expressions: &mut Expressions) -> Built<CreateTable> {
    let name_span = expressions.place(&format!("{path}.name"), &table.name);
    let mut columns = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        columns.push(column_def(column, &format!("{path}.columns[{at}]"), expressions)?);
    }
    let watermark = match &table.watermark {
        None => None,
        Some(watermark) => {
            let span = expressions.place(&format!("{path}.watermark.column"), &watermark.column);
            let expression = expressions.read(&format!("{path}.watermark.as"), &watermark.expression, expr::expr)?;
            Some((Name { text: watermark.column.clone(), span }, expression))
        }
    };
    let mut named = |field: &str, names: &[String]| -> Vec<Name> {
        let of =
            |(at, text): (usize, &String)| Name { text: text.clone(), span: expressions.place(&format!("{path}.{field}[{at}]"), text) };
        names.iter().enumerate().map(of).collect()
    };
    let primary_key = named("primary_key", &table.primary_key);
    let partitioned_by = named("partitioned_by", &table.partitioned_by);
    let options = table.with.iter().map(|(key, value)| OptionDef {
        key: key.clone(),
        key_span: expressions.place(&format!("{path}.with"), key),
        value: value.0.clone(),
        value_span: expressions.place(&format!("{path}.with.{key}"), &value.0),
    });
    let options = options.collect();
    Ok(CreateTable {
        name: vec![Name { text: table.name.clone(), span: name_span }],
        temporary: false,
        if_not_exists: false,
        columns,
        watermark,
        primary_key: (!primary_key.is_empty()).then_some((primary_key, name_span)),
        comment: None,
        partitioned_by,
        options,
        like: None,
    })
}

fn column_def(column: &ColumnDoc, path: &str, expressions: &mut Expressions) -> Built<ColumnDef> {
    let span = expressions.place(&format!("{path}.name"), &column.name);
    let refuse = |message: &str| Err(Failure::at(path, PlanError::new(Code::Document, message)));
    let kind = match (&column.ty, &column.expression, &column.metadata) {
        (Some(ty), None, None) => ColumnKind::Physical(expressions.read(&format!("{path}.type"), ty, types::data_type)?),
        (None, Some(expression), None) => ColumnKind::Computed(expressions.read(&format!("{path}.as"), expression, expr::expr)?),
        (Some(ty), None, Some(key)) => {
            let ty = expressions.read(&format!("{path}.type"), ty, types::data_type)?;
            ColumnKind::Metadata { ty, key: Some(key.clone()), is_virtual: column.is_virtual }
        }
        (None, None, None) => return refuse("a column has a `type`, or `as` and an expression"),
        _ => return refuse("a column has a `type` (and `metadata`), or `as`, not both"),
    };
    Ok(ColumnDef { name: Name { text: column.name.clone(), span }, kind, comment: None })
}

fn from_named(name: &str, span: Span) -> TableRef {
    TableRef::Table { name: vec![Name { text: name.to_owned(), span }], hints: Vec::new(), alias: None, snapshot: None }
}

fn plain_query(body: Body, span: Span) -> Query {
    Query { with: Vec::new(), body, order_by: Vec::new(), limit: None, offset: None, span }
}

fn select_of(from: TableRef, items: Vec<SelectItem>, span: Span) -> Select {
    Select {
        distinct: None,
        items,
        from: Some(from),
        filter: None,
        group_by: None,
        having: None,
        windows: Vec::new(),
        state_ttl: Vec::new(),
        span,
    }
}

fn star() -> Vec<SelectItem> {
    vec![SelectItem::Star { qualifier: Vec::new(), span: Span::default() }]
}

fn select_all(from: TableRef) -> Query {
    plain_query(Body::Select(Box::new(select_of(from, star(), Span::default()))), Span::default())
}

/// An operator as a query over its inputs.
fn operator_query(operator: &OperatorDoc, inputs: &[String], path: &str, expressions: &mut Expressions) -> Built<Query> {
    check_fields(operator, path)?;
    let span = expressions.place(&format!("{path}.name"), &operator.name);
    let input = inputs.first().cloned().unwrap_or_default();
    if operator.kind == OperatorKind::Union {
        let side = |name: &String| (select_all(from_named(name, span)).body, span);
        let inputs: Vec<(Body, Span)> = inputs.iter().map(side).collect();
        return Ok(match inputs.len() {
            1 => select_all(from_named(&input, span)),
            _ => plain_query(Body::Set { kind: SetKind::Union, all: true, inputs, operator: span }, span),
        });
    }
    let mut from = from_named(&input, span);
    if let (OperatorKind::Window, Some(window)) = (operator.kind, &operator.window) {
        from = window_table(window, &input, span, path, expressions)?;
    }
    let items = if operator.select.is_empty() { star() } else { select_items(operator, path, expressions)? };
    let mut select = select_of(from, items, span);
    if let Some(filter) = &operator.filter {
        select.filter = Some(expressions.read(&format!("{path}.where"), filter, expr::expr)?);
    }
    if operator.kind == OperatorKind::Aggregate {
        aggregate(operator, &mut select, path, expressions)?;
    }
    let mut query = plain_query(Body::Select(Box::new(select)), span);
    query.limit = operator.count;
    query.offset = operator.offset.map(|offset| (offset, span));
    Ok(query)
}

/// Which fields an operator of a kind has, and which it must have.
fn check_fields(operator: &OperatorDoc, path: &str) -> Built<()> {
    use OperatorKind as K;
    let given = [
        ("select", !operator.select.is_empty()),
        ("where", operator.filter.is_some()),
        ("group_by", !operator.group_by.is_empty()),
        ("window", operator.window.is_some()),
        ("having", operator.having.is_some()),
        ("count", operator.count.is_some()),
        ("offset", operator.offset.is_some()),
    ];
    let (needs, may): (&[&str], &[&str]) = match operator.kind {
        K::Project => (&["select"], &["where"]),
        K::Filter => (&["where"], &[]),
        K::Aggregate => (&["select"], &["where", "group_by", "window", "having"]),
        K::Window => (&["window"], &[]),
        K::Union => (&[], &[]),
        K::Limit => (&["count"], &["offset"]),
    };
    for (field, present) in given {
        let kind = format!("{:?}", operator.kind).to_lowercase();
        let message = if present && !needs.contains(&field) && !may.contains(&field) {
            format!("an operator of type {kind} has no `{field}`")
        } else if !present && needs.contains(&field) {
            format!("an operator of type {kind} needs `{field}`")
        } else {
            continue;
        };
        return Err(Failure::at(format!("{path}.{field}"), PlanError::new(Code::Document, message)));
    }
    Ok(())
}

fn select_items(operator: &OperatorDoc, path: &str, expressions: &mut Expressions) -> Built<Vec<SelectItem>> {
    let mut items = Vec::new();
    for (at, text) in operator.select.iter().enumerate() {
        let mut item = expressions.read(&format!("{path}.select[{at}]"), text, query::select_item)?;
        if let (OperatorKind::Aggregate, Some(window), SelectItem::Expr { expr, alias }) = (operator.kind, &operator.window, &mut item) {
            let implied = expr.implied_name().map(str::to_owned);
            let here = expr.span;
            properties(expr, window, &format!("{path}.window"), expressions)?;
            if alias.is_none()
                && let Some(text) = implied
            {
                *alias = Some(Name { text, span: here });
            }
        }
        items.push(item);
    }
    Ok(items)
}

/// `window_start`, `window_end` and `window_time` in an aggregate over group windows are its auxiliaries.
fn properties(expression: &mut Expr, window: &WindowDoc, path: &str, expressions: &mut Expressions) -> Built<()> {
    if let ExprKind::Column(name) = &expression.kind
        && let [only] = &name[..]
    {
        let suffix = match only.text.as_str() {
            "window_start" => "START",
            "window_end" => "END",
            "window_time" => "ROWTIME",
            _ => return Ok(()),
        };
        let function = format!("{}_{suffix}", function_name(window.kind));
        let args = group_arguments(window, path, expressions)?;
        let span = expression.span;
        *expression = call::call(&function, args, span).map_err(|error| Failure::at(path, error))?;
    }
    Ok(())
}

fn function_name(kind: WindowType) -> &'static str {
    match kind {
        WindowType::Tumble => "TUMBLE",
        WindowType::Hop => "HOP",
        WindowType::Cumulate => "CUMULATE",
        WindowType::Session => "SESSION",
    }
}

/// The lengths of a window, in the order of the function's arguments.
fn lengths(window: &WindowDoc, path: &str, expressions: &mut Expressions) -> Built<Vec<Expr>> {
    let fields: [(&str, &Option<String>); 5] =
        [("slide", &window.slide), ("step", &window.step), ("size", &window.size), ("gap", &window.gap), ("offset", &window.offset)];
    let needs: &[&str] = match window.kind {
        WindowType::Tumble => &["size"],
        WindowType::Hop => &["slide", "size"],
        WindowType::Cumulate => &["step", "size"],
        WindowType::Session => &["gap"],
    };
    let mut args = Vec::new();
    for (field, text) in fields {
        let path = format!("{path}.{field}");
        match text {
            Some(text) if needs.contains(&field) || (field == "offset" && window.kind != WindowType::Session) => {
                args.push(expressions.read(&path, text, expr::expr)?);
            }
            Some(_) => {
                let message = format!("a {} window has no `{field}`", function_name(window.kind).to_lowercase());
                return Err(Failure::at(path, PlanError::new(Code::Document, message)));
            }
            None if needs.contains(&field) => {
                let message = format!("a {} window needs `{field}`", function_name(window.kind).to_lowercase());
                return Err(Failure::at(path, PlanError::new(Code::Document, message)));
            }
            None => {}
        }
    }
    Ok(args)
}

fn group_arguments(window: &WindowDoc, path: &str, expressions: &mut Expressions) -> Built<Vec<Expr>> {
    let mut args = vec![expressions.read(&format!("{path}.time"), &window.time, expr::expr)?];
    args.extend(lengths(window, path, expressions)?);
    Ok(args)
}

fn aggregate(operator: &OperatorDoc, select: &mut Select, path: &str, expressions: &mut Expressions) -> Built<()> {
    let mut items = Vec::new();
    if let Some(window) = &operator.window {
        let path = format!("{path}.window");
        if window.kind == WindowType::Cumulate {
            let error = PlanError::new(Code::Unsupported, "an aggregate has no cumulate windows of its own");
            return Err(Failure::at(format!("{path}.type"), error.label("put an operator of type window before it")));
        }
        let span = expressions.place(&path, function_name(window.kind));
        let args = group_arguments(window, &path, expressions)?;
        items.push(GroupItem::Expr(call::call(function_name(window.kind), args, span).map_err(|error| Failure::at(&path, error))?));
    }
    for (at, text) in operator.group_by.iter().enumerate() {
        items.push(GroupItem::Expr(expressions.read(&format!("{path}.group_by[{at}]"), text, expr::expr)?));
    }
    if !items.is_empty() {
        select.group_by = Some(items);
    }
    if let Some(having) = &operator.having {
        select.having = Some(expressions.read(&format!("{path}.having"), having, expr::expr)?);
    }
    Ok(())
}

/// A window operator: `TABLE(TUMBLE(TABLE input, DESCRIPTOR(time), size))`.
fn window_table(window: &WindowDoc, input: &str, span: Span, path: &str, expressions: &mut Expressions) -> Built<TableRef> {
    let path = format!("{path}.window");
    let time = Name { text: window.time.clone(), span: expressions.place(&format!("{path}.time"), &window.time) };
    let place = |(at, text): (usize, &String)| (format!("{path}.partition_by[{at}]"), text.clone());
    let partition: Vec<(String, String)> = window.partition_by.iter().enumerate().map(place).collect();
    let partition_by = partition.iter().map(|(path, text)| Name { text: text.clone(), span: expressions.place(path, text) }).collect();
    let table = WindowValue::Table { name: vec![Name { text: input.to_owned(), span }], partition_by };
    let mut args = vec![
        WindowArg { name: None, value: table, span },
        WindowArg { name: None, value: WindowValue::Descriptor(vec![time.clone()]), span: time.span },
    ];
    let lengths = lengths(window, &path, expressions)?;
    args.extend(lengths.into_iter().map(|length| WindowArg { name: None, span: length.span, value: WindowValue::Expr(length) }));
    let function = Name { text: function_name(window.kind).into(), span };
    let alias: Option<Alias> = None;
    Ok(TableRef::Window { function, args, span, alias })
}
