//! Columns that a table's format has no words for, refused while a job is planned, at their declaration.
//!
//! Only what is read counts, but for formats that lay out a record as a whole. Source: Flink's factories of formats, which refuse the
//! same when a plan is made.

use irmak_common::database::Database;
use irmak_common::format_types::{needs_all, refused};
use irmak_common::kafka_fields::KafkaFields;
use irmak_common::operator_spec::{ConnectorSpec, SinkSpec, SourceSpec};
use irmak_common::types::Field;

use crate::algebra::{Rel, RelNode, Root, Target};
use crate::catalog::{Catalog, Entry};
use crate::error::{Code, PlanError, Planned};

/// Refuses columns of tables of a job that their formats can neither read nor write.
pub(crate) fn check(roots: &[Root], catalog: &Catalog) -> Planned<()> {
    for root in roots {
        scans(&root.rel, catalog)?;
        if let Target::Sink { spec, .. } = &root.target {
            sink(spec, catalog).map_err(|error| error.at(root.span))?;
        }
    }
    Ok(())
}

fn scans(rel: &Rel, catalog: &Catalog) -> Planned<()> {
    if let RelNode::Scan(spec) = &rel.node {
        source(spec, catalog)?;
    }
    rel.inputs().into_iter().try_for_each(|input| scans(input, catalog))
}

fn source(spec: &SourceSpec, catalog: &Catalog) -> Planned<()> {
    let table =
        Columns { database: &spec.database, table: &spec.table, connector: &spec.connector, fields: spec.physical.fields.iter().collect() };
    for part in table.parts() {
        let in_folders = spec.connector.connector == "filesystem";
        let read = |at: &usize| (needs_all(part.format) || spec.projection.contains(at)) && !(in_folders && spec.partition_by.contains(at));
        table.refuse(&part, read, catalog)?;
    }
    Ok(())
}

fn sink(spec: &SinkSpec, catalog: &Catalog) -> Planned<()> {
    let is_metadata = |at: usize| spec.metadata.iter().any(|(known, _)| *known == at);
    let fields = spec.schema.fields.iter().enumerate().filter(|(at, _)| !is_metadata(*at)).map(|(_, field)| field).collect();
    let table = Columns { database: &spec.database, table: &spec.table, connector: &spec.connector, fields };
    let in_folders: Vec<&str> = match spec.connector.connector.as_str() {
        "filesystem" => spec.partition_by.iter().filter_map(|at| spec.schema.fields.get(*at)).map(|field| field.name.as_str()).collect(),
        _ => Vec::new(),
    };
    for part in table.parts() {
        let written = |at: &usize| table.fields.get(*at).is_some_and(|field| !in_folders.contains(&field.name.as_str()));
        table.refuse(&part, written, catalog)?;
    }
    Ok(())
}

/// The stored columns of a table.
struct Columns<'a> {
    database: &'a Database,
    table: &'a str,
    connector: &'a ConnectorSpec,
    fields: Vec<&'a Field>,
}

/// Records of one format, and the columns in them.
struct Part<'a> {
    format: &'a str,
    columns: Vec<usize>,
}

impl Columns<'_> {
    /// The formats of the table: that of its rows, and where it has one that of their keys.
    fn parts(&self) -> Vec<Part<'_>> {
        let options = &self.connector.options;
        let named = |key: &str| options.get(key).map(String::as_str);
        let Some(format) = named("value.format").or_else(|| named("format")) else { return Vec::new() };
        let all = (0..self.fields.len()).collect();
        if !matches!(self.connector.connector.as_str(), "kafka" | "upsert-kafka") {
            return vec![Part { format, columns: all }];
        }
        let names: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
        // What does not fit together here was refused where the table was bound.
        let split = KafkaFields::read(options, &names).unwrap_or(KafkaFields { key: Vec::new(), value: all, prefix: String::new() });
        let mut parts = vec![Part { format, columns: split.value }];
        if let Some(format) = named("key.format") {
            parts.push(Part { format, columns: split.key });
        }
        parts
    }

    fn refuse(&self, part: &Part<'_>, counts: impl Fn(&usize) -> bool, catalog: &Catalog) -> Planned<()> {
        let counted = part.columns.iter().filter(|at| counts(at)).filter_map(|at| self.fields.get(*at));
        let mut wrong = counted.filter_map(|field| refused(part.format, &field.ty.kind).map(|instead| (field, instead)));
        let Some((field, instead)) = wrong.next() else { return Ok(()) };
        let message = format!(
            "format '{}' has no words for column `{}` of table `{}`, of type {}",
            part.format, field.name, self.table, field.ty.kind
        );
        let error = PlanError::new(Code::Unsupported, message).label(instead);
        Err(match catalog.entry(&(self.database.clone(), self.table.to_owned())) {
            Some(Entry::Table(table)) => match table.columns.iter().find(|column| column.name == field.name) {
                Some(column) => error.at(column.span),
                None => error.at(table.span),
            },
            _ => error,
        })
    }
}
