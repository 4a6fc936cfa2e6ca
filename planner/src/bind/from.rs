//! What stands behind FROM: tables, views, WITH queries, subqueries, window table functions. Joins: [`super::join`].

use std::rc::Rc;

use crate::ast::{Alias, Body, TableRef};
use crate::catalog::{Entry, Table, View, span_of};
use crate::error::{Code, PlanError, Planned};
use crate::token::Name;

use super::Binder;
use super::scope::{Scope, Scoped, unique_names};

impl Binder<'_> {
    /// The relation behind FROM, with the names of its columns.
    pub(crate) fn from(&mut self, from: &TableRef) -> Planned<Scoped> {
        match from {
            TableRef::Table { name, hints, alias, snapshot } => {
                if let Some(snapshot) = snapshot {
                    let message = "FOR SYSTEM_TIME AS OF stands on the right side of a join";
                    return Err(PlanError::new(Code::Unsupported, message).at(snapshot.1));
                }
                let options: Vec<(String, String)> = hints.iter().filter_map(|hint| hint.option.clone()).collect();
                for hint in hints.iter().filter(|hint| hint.option.is_none()) {
                    self.warn(format!("hint {} is ignored", hint.name.text));
                }
                self.named_table(name, &options, alias.as_ref())
            }
            TableRef::Derived { query, alias, .. } => {
                let mut rel = self.nested(query.span, |binder| binder.query(query))?;
                let doubled = std::mem::take(&mut self.doubled);
                // `(VALUES ...) AS t`: t is also the name of an only column, as of UNNEST's.
                if let (Body::Values(_), [_], Some(alias)) = (&query.body, &rel.schema.fields[..], alias) {
                    rel = rel.renamed(std::slice::from_ref(&alias.name.text));
                }
                Ok(aliased(Scoped::of(rel, None), alias.as_ref())?.doubled(doubled, alias.as_ref()))
            }
            TableRef::Window { function, args, span, alias } => {
                let scoped = self.window_table(function, args, *span)?;
                aliased(scoped, alias.as_ref())
            }
            TableRef::Unnest { span, .. } => self.unnest_alone(from, *span),
            TableRef::Match { input, clause, alias } => {
                let scoped = self.match_recognize(input, clause)?;
                aliased(scoped, alias.as_ref())
            }
            TableRef::Join { left, right, kind, on, span } => self.join(left, right, *kind, on, *span),
        }
    }

    /// A table, view or WITH query by its name.
    pub(crate) fn named_table(&mut self, path: &[Name], options: &[(String, String)], alias: Option<&Alias>) -> Planned<Scoped> {
        if let [name] = path
            && let Some(found) = self.cte(name)?
        {
            let doubled = std::mem::take(&mut self.doubled);
            return Ok(aliased(Scoped::of(found, Some(&name.text)), alias)?.doubled(doubled, alias));
        }
        let name = path.last().map_or("", |name| name.text.as_str()).to_owned();
        let entry = match self.catalog.get_from(&self.home, path) {
            Some(entry) => entry.clone(),
            None => return Err(self.unknown_table(path)),
        };
        let rel = match entry {
            Entry::Table(table) => self.table(&table, options, span_of(path))?,
            Entry::View(view) => self.view(&view, span_of(path))?,
        };
        let mut scoped = Scoped::of(rel, Some(&name));
        scoped.scope = scoped.scope.within(&self.catalog.full_name(&self.home, path)?.0);
        aliased(scoped, alias)
    }

    fn unknown_table(&self, path: &[Name]) -> PlanError {
        let last = path.last().map_or("", |name| name.text.as_str());
        let error = self.catalog.unknown(&self.home, path);
        match irmak_common::error::nearest(last, self.ctes.iter().map(|(name, _)| name.as_str())) {
            Some(near) => error.label(format!("did you mean `{near}`?")),
            None => error,
        }
    }

    /// A WITH query in sight: bound where it is used, seeing what it saw where it was written.
    fn cte(&mut self, name: &Name) -> Planned<Option<crate::algebra::Rel>> {
        let Some(found) = self.ctes.iter().rev().find(|(known, _)| *known == name.text).map(|(_, query)| Rc::clone(query)) else {
            return Ok(None);
        };
        let hidden = self.ctes.split_off(found.sees.min(self.ctes.len()));
        let bound = self.nested(name.span, |binder| binder.query(&found.query));
        self.ctes.extend(hidden);
        if !found.columns.is_empty() {
            self.doubled.clear();
        }
        named_columns(bound?, &found.columns, name).map(Some)
    }

    /// A view's query; it sees no WITH queries of its user.
    fn view(&mut self, view: &View, span: crate::error::Span) -> Planned<crate::algebra::Rel> {
        let hidden = std::mem::take(&mut self.ctes);
        let home = std::mem::replace(&mut self.home, view.home.clone());
        let bound = self.nested(span, |binder| binder.query(&view.query));
        self.ctes = hidden;
        self.home = home;
        let name = Name { text: String::new(), span };
        named_columns(bound?, &view.columns, &name)
    }

    fn table(&mut self, table: &Table, options: &[(String, String)], span: crate::error::Span) -> Planned<crate::algebra::Rel> {
        if options.is_empty() {
            return self.scan(table, span);
        }
        let mut changed = table.clone();
        for (key, value) in options {
            match changed.options.iter_mut().find(|option| option.key == *key) {
                Some(option) => option.value.clone_from(value),
                None => {
                    changed.options.push(crate::ast::OptionDef { key: key.clone(), key_span: span, value: value.clone(), value_span: span })
                }
            }
        }
        self.scan(&changed, span)
    }
}

/// The relation under the names of a column list, where there is one.
pub(crate) fn named_columns(rel: crate::algebra::Rel, columns: &[Name], at: &Name) -> Planned<crate::algebra::Rel> {
    if columns.is_empty() {
        return Ok(rel);
    }
    if columns.len() != rel.schema.len() {
        let message = format!("{} columns are named, but the query has {}", columns.len(), rel.schema.len());
        let span = if at.text.is_empty() { span_of(columns) } else { at.span };
        return Err(PlanError::new(Code::ColumnCount, message).at(span));
    }
    let names = unique_names(columns.iter().map(|name| Some(name.text.clone())).collect());
    Ok(rel.renamed(&names))
}

/// The relation under its alias, where it has one.
pub(crate) fn aliased(scoped: Scoped, alias: Option<&Alias>) -> Planned<Scoped> {
    let Some(alias) = alias else { return Ok(scoped) };
    let rel = named_columns(scoped.rel, &alias.columns, &alias.name)?;
    let scope = Scope::of(&rel.schema, Some(&alias.name.text));
    Ok(Scoped { rel, scope })
}
