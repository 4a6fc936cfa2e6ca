//! A script's statements, one after the other: what each changes in catalog and settings, and which job it makes.

use std::rc::Rc;

use irmak_common::job_graph::{JobGraph, JobOptions, RestartStrategy};
use irmak_common::operator_spec::OperatorSpec;

use crate::ast::{
    Alter, Change, ColumnDef, ColumnKind, CreateTable, CreateView, ExplainDetails, Insert, Query, Statement as Syntax, StatementKind,
};
use crate::bind::Binder;
use crate::catalog::{Catalog, Entry, Life, View, span_of};
use crate::chain::Plan;
use crate::error::{Code, PlanError, Planned, Span};
use crate::settings::Settings;
use crate::token::Name;
use crate::{
    Outcome, Statement, algebra::Root, algebra::Target, changelog, constraint, databases, ddl, depth, explain, formats, logical, rewrite,
    show,
};

/// What statements share.
pub(crate) struct Session<'a> {
    pub(crate) catalog: Catalog,
    pub(crate) settings: Settings,
    /// The script, for the text of views.
    pub(crate) script: &'a str,
}

impl Session<'_> {
    /// Plans one statement.
    pub(crate) fn statement(&mut self, statement: &Syntax) -> Planned<Statement> {
        let mut warnings = Vec::new();
        let outcome = match &statement.kind {
            StatementKind::CreateTable(create) => {
                let table = ddl::table(create, &Binder::new(&self.catalog, &self.settings))?;
                let entry = Entry::Table(Rc::new(table));
                self.catalog.create(&create.name, entry, create.temporary.into(), create.if_not_exists)?;
                warnings.extend(ddl::options_given_twice(create, statement.span.line));
                Outcome::None
            }
            StatementKind::CreateTableAs { create, query } => {
                warnings.extend(ddl::options_given_twice(create, statement.span.line));
                self.create_as(create, query, &mut warnings)?
            }
            StatementKind::CreateView(create) => {
                self.create_view(create)?;
                Outcome::None
            }
            StatementKind::Drop(drop) => {
                self.catalog.drop_entry(drop)?;
                Outcome::None
            }
            StatementKind::Alter(alter) => {
                self.alter(alter)?;
                Outcome::None
            }
            StatementKind::Set(None) => show::settings(&self.settings),
            StatementKind::Set(Some((key, value))) => {
                warnings.extend(self.settings.set(&key.text, &value.text, value.span));
                self.check_setting(&key.text, value.span)?;
                Outcome::None
            }
            StatementKind::Reset(key) => {
                self.settings.reset(key.as_ref().map(|key| key.text.as_str()));
                Outcome::None
            }
            StatementKind::Insert(insert) => self.job(self.inserts(std::slice::from_ref(insert))?, &mut warnings)?,
            StatementKind::StatementSet(inserts) => self.job(self.inserts(inserts)?, &mut warnings)?,
            StatementKind::Query(query) => self.job(self.query(query)?, &mut warnings)?,
            StatementKind::Explain { statement, details } => self.explain(statement, *details, &mut warnings)?,
            StatementKind::Describe { name } => show::describe(self, name)?,
            StatementKind::Show(what) => show::show(self, what)?,
            StatementKind::Catalog(statement) => databases::execute(&mut self.catalog, statement)?,
            StatementKind::Nothing => Outcome::None,
        };
        Ok(Statement { outcome, warnings })
    }

    fn create_view(&mut self, create: &CreateView) -> Planned<()> {
        let (temporary, columns) = (create.temporary, create.columns.clone());
        let view = View {
            temporary,
            columns,
            query: create.query.clone(),
            text: self.text(create.query.span),
            home: self.catalog.current().clone(),
        };
        if let Some(twice) = repeated(&create.columns) {
            return Err(PlanError::new(Code::DuplicateColumn, format!("column `{}` is named twice", twice.text)).at(twice.span));
        }
        let rel = Binder::new(&self.catalog, &self.settings).nested(create.query.span, |binder| binder.query(&create.query))?;
        let told = create.name.last().unwrap_or(&create.name[0]);
        crate::bind::from::named_columns(rel, &create.columns, told)?;
        self.catalog.create(&create.name, Entry::View(Rc::new(view)), temporary.into(), create.if_not_exists)?;
        Ok(())
    }

    /// `CREATE TABLE ... AS`: the table, then the job that fills it. Columns of the query come behind those that only the table has.
    fn create_as(&mut self, create: &CreateTable, query: &Query, warnings: &mut Vec<String>) -> Planned<Outcome> {
        let rel = Binder::new(&self.catalog, &self.settings).query(query)?;
        let mut create = create.clone();
        let names: Vec<Name> = rel.schema.fields.iter().map(|field| Name { text: field.name.clone(), span: query.span }).collect();
        for (name, field) in names.iter().zip(&rel.schema.fields) {
            match create.columns.iter().find(|column| column.name.text == name.text) {
                None => {
                    let kind = ColumnKind::Physical(crate::algebra::plain(&field.ty));
                    create.columns.push(ColumnDef { name: name.clone(), kind, comment: None });
                }
                Some(ColumnDef { kind: ColumnKind::Computed(_), name, .. }) => {
                    let message = format!("column `{}` is computed, and the query has one of that name", name.text);
                    return Err(PlanError::new(Code::DuplicateColumn, message).at(name.span));
                }
                Some(_) => {}
            }
        }
        let table = ddl::table(&create, &Binder::new(&self.catalog, &self.settings))?;
        let entry = Entry::Table(Rc::new(table));
        if !self.catalog.create(&create.name, entry, Life::Permanent, create.if_not_exists)? {
            return Ok(Outcome::None);
        }
        let insert =
            Insert { table: create.name, partition: Vec::new(), columns: names, overwrite: None, query: query.clone(), span: query.span };
        self.job(self.inserts(std::slice::from_ref(&insert))?, warnings)
    }

    fn alter(&mut self, alter: &Alter) -> Planned<()> {
        let at = span_of(&alter.name);
        let table = match self.catalog.get(&alter.name) {
            Some(Entry::Table(table)) if !alter.view => Rc::clone(table),
            Some(Entry::View(view)) if alter.view => return self.alter_view(alter, Rc::clone(view)),
            Some(_) => {
                let (is, other) = if alter.view { ("a table", "TABLE") } else { ("a view", "VIEW") };
                let told = alter.name.last().map_or("", |name| name.text.as_str());
                return Err(PlanError::new(Code::UnknownTable, format!("`{told}` is {is}")).at(at).label(format!("write ALTER {other}")));
            }
            None if alter.if_exists => return Ok(()),
            None => return Err(self.catalog.unknown(self.catalog.current(), &alter.name)),
        };
        if let Change::RenameTo(to) = &alter.change {
            return self.catalog.rename(&alter.name, to);
        }
        let changed = crate::alter::altered(&table, &alter.change, at, &Binder::new(&self.catalog, &self.settings))?;
        self.catalog.replace(&alter.name, Entry::Table(Rc::new(changed)));
        Ok(())
    }

    fn alter_view(&mut self, alter: &Alter, view: Rc<View>) -> Planned<()> {
        match &alter.change {
            Change::RenameTo(to) => self.catalog.rename(&alter.name, to)?,
            Change::Query(query) => {
                Binder::new(&self.catalog, &self.settings).query(query)?;
                let home = self.catalog.current().clone();
                let changed =
                    View { temporary: view.temporary, columns: Vec::new(), query: query.clone(), text: self.text(query.span), home };
                self.catalog.replace(&alter.name, Entry::View(Rc::new(changed)));
            }
            _ => {}
        }
        Ok(())
    }

    /// Values that every later statement would stumble over are refused where they are SET.
    fn check_setting(&self, key: &str, span: Span) -> Planned<()> {
        let checked = match key {
            "parallelism.default" => self.settings.parallelism().map(|_| ()),
            "pipeline.max-parallelism" => self.settings.max_parallelism().map(|_| ()),
            "pipeline.auto-watermark-interval" => self.settings.watermark_gap_ms().map(|_| ()),
            "table.exec.source.idle-timeout" => self.settings.idle_timeout_ms(&Default::default()).map(|_| ()),
            "execution.runtime-mode" => self.settings.runtime_mode(),
            key if key.starts_with("execution.checkpointing.") => self.settings.checkpointing(true, &mut Vec::new()).map(|_| ()),
            key if key.starts_with("restart-strategy") => self.settings.restart(RestartStrategy::None).map(|_| ()),
            _ => Ok(()),
        };
        checked.map_err(|error| error.at(span))
    }

    /// The script's text at a place.
    pub(crate) fn text(&self, span: Span) -> String {
        let lines = self.script.lines().enumerate().skip(span.line as usize - 1).take((span.end_line - span.line) as usize + 1);
        let cut = lines.map(|(at, line)| {
            let number = at as u32 + 1;
            let from = if number == span.line { span.column as usize - 1 } else { 0 };
            let to = if number == span.end_line { span.end_column as usize - 1 } else { usize::MAX };
            line.chars().skip(from).take(to.saturating_sub(from)).collect::<String>()
        });
        cut.collect::<Vec<_>>().join("\n")
    }

    fn inserts(&self, inserts: &[impl std::borrow::Borrow<Insert>]) -> Planned<Bound> {
        let mut bound = Bound::default();
        let mut names = Vec::new();
        for insert in inserts {
            let insert = insert.borrow();
            let mut binder = Binder::new(&self.catalog, &self.settings);
            let root = binder.insert(insert)?;
            if let Target::Sink { spec, .. } = &root.target {
                names.push(format!("insert-into_{}", spec.database.dotted(&spec.table)));
            }
            bound.warnings.append(&mut binder.warnings);
            bound.roots.push(root);
        }
        bound.name = names.join(",");
        bound.span = inserts.first().map(|insert| insert.borrow().span).unwrap_or_default();
        Ok(bound)
    }

    fn query(&self, query: &Query) -> Planned<Bound> {
        let mut binder = Binder::new(&self.catalog, &self.settings);
        let rel = binder.query(query)?;
        Ok(Bound {
            roots: vec![Root { rel, target: Target::Collect, span: query.span }],
            name: "collect".into(),
            warnings: binder.warnings,
            span: query.span,
            tells_changelogs: false,
        })
    }

    /// The job of some queries.
    fn job(&self, bound: Bound, warnings: &mut Vec<String>) -> Planned<Outcome> {
        let graph = self.graph(bound)?;
        warnings.extend(graph.warnings.iter().cloned());
        Ok(Outcome::Job(graph))
    }

    fn graph(&self, bound: Bound) -> Planned<JobGraph> {
        let span = bound.span;
        self.assemble(bound).map_err(|error| error.at(span))
    }

    /// The job graph of some queries under the present settings.
    pub(crate) fn assemble(&self, bound: Bound) -> Planned<JobGraph> {
        let Bound { roots, name, mut warnings, tells_changelogs, .. } = bound;
        let chaining = ["pipeline.operator-chaining.enabled", "pipeline.operator-chaining"]
            .iter()
            .find_map(|key| self.settings.get(key))
            .is_none_or(|value| !value.eq_ignore_ascii_case("false"));
        let collect = roots.iter().find(|root| root.target == Target::Collect).map(|root| root.rel.schema.clone());
        let mut plan = Plan::new(self.settings.parallelism()?, chaining);
        plan.tells_changelogs = tells_changelogs;
        self.fill(&mut plan, roots)?;
        let (vertices, edges) = plan.vertices();
        let two_phase = vertices.iter().flat_map(|vertex| &vertex.chain).any(|node| commits(&node.spec));
        for node in vertices.iter().flat_map(|vertex| &vertex.chain) {
            depth::check(node)?;
        }
        let checkpointing = self.settings.checkpointing(two_phase, &mut warnings)?;
        let default_restart = if collect.is_some() { RestartStrategy::None } else { RestartStrategy::default() };
        let options = JobOptions { checkpointing, restart: self.settings.restart(default_restart)?, configuration: self.settings.all() };
        let name = self.settings.get("pipeline.name").map_or(name, str::to_owned);
        let max_parallelism = self.settings.max_parallelism()?;
        let widest = vertices.iter().map(|vertex| vertex.parallelism).max().unwrap_or(1);
        if widest > u32::from(max_parallelism.get()) {
            let message = format!("parallelism {widest} is more than the {} key groups of the job", max_parallelism.get());
            return Err(PlanError::new(Code::SettingValue, message).label("raise pipeline.max-parallelism"));
        }
        Ok(JobGraph { name, vertices, edges, max_parallelism, options, collect, warnings })
    }

    /// Rewrites the queries and adds them to the plan.
    fn fill(&self, plan: &mut Plan, roots: Vec<Root>) -> Planned<()> {
        let roots = crate::bind::rank::settle(roots, self.settings.state_ttl_ms()?)?;
        let roots = crate::bind::session_rows::expand(roots);
        plan.state_ttl_ms = self.settings.state_ttl_ms()?;
        plan.materialize = (self.settings.upsert_materialize()?, self.settings.state_ttl_ms()?);
        self.settings.runtime_mode()?;
        plan.batch = self.settings.batch();
        let roots = rewrite::rewrite(roots, &crate::bind::environment(&self.catalog, &self.settings));
        formats::check(&roots, &self.catalog)?;
        for mut root in roots {
            if !plan.batch {
                root.rel = changelog::settle(root.rel);
                changelog::check(&root)?;
            }
            plan.add(constraint::enforce(root, &self.settings)?);
        }
        Ok(())
    }

    fn explain(&self, statement: &Syntax, details: ExplainDetails, warnings: &mut Vec<String>) -> Planned<Outcome> {
        let mut bound = match &statement.kind {
            StatementKind::Query(query) => self.query(query)?,
            StatementKind::Insert(insert) => self.inserts(std::slice::from_ref(insert))?,
            StatementKind::StatementSet(inserts) => self.inserts(inserts)?,
            _ => return Err(PlanError::new(Code::Unsupported, "EXPLAIN takes a query, an INSERT or a statement set").at(statement.span)),
        };
        let understood = logical::text(&bound.roots);
        bound.tells_changelogs = details.changelog_mode;
        let graph = self.graph(bound)?;
        warnings.extend(graph.warnings.iter().cloned());
        let rows = vec![vec![Some(format!("{understood}{}", explain::detailed(&graph, details)))]];
        Ok(Outcome::Table { columns: vec![("result".into(), "STRING".into())], rows, plain: true })
    }

    /// The table or view of a name.
    pub(crate) fn resolve(&self, name: &[Name]) -> Planned<&Entry> {
        self.catalog.resolve(name).map_err(|error| error.at(span_of(name)))
    }
}

/// The first name that stands a second time.
pub(crate) fn repeated(names: &[Name]) -> Option<&Name> {
    names.iter().enumerate().find(|(at, name)| names[..*at].iter().any(|known| known.text == name.text)).map(|(_, name)| name)
}

/// Whether an operator is a sink that shows its rows with a checkpoint, or makes sure of them then.
fn commits(spec: &OperatorSpec) -> bool {
    let OperatorSpec::Sink(sink) = spec else { return false };
    let asks_nothing = sink.connector.options.get("sink.delivery-guarantee").is_some_and(|value| value == "none");
    matches!(sink.connector.connector.as_str(), "filesystem" | "kafka" | "upsert-kafka") && !asks_nothing
}

/// Queries that make one job.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    pub(crate) roots: Vec<Root>,
    pub(crate) name: String,
    pub(crate) warnings: Vec<String>,
    pub(crate) span: Span,
    /// Operators say which kinds of rows they make: EXPLAIN CHANGELOG_MODE.
    pub(crate) tells_changelogs: bool,
}
