//! Which column a name means.

use std::rc::Rc;

use irmak_common::database::Database;
use irmak_common::types::{Schema, TypeKind};

use crate::algebra::Rel;
use crate::ast::Alias;
use crate::catalog::span_of;
use crate::error::{Code, PlanError, Planned};
use crate::token::Name;

/// The columns in sight, in the order of the relation below.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub(crate) columns: Vec<ScopeColumn>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct ScopeColumn {
    /// The table's alias or name; `None`: a subquery without one.
    pub(crate) relation: Option<String>,
    /// Where a table is that is called by its own name: its database's name may then stand before it.
    pub(crate) database: Option<Rc<Database>>,
    pub(crate) name: String,
    /// It is meant only where its table is named, and `*` leaves it out.
    pub(crate) hidden: bool,
}

impl ScopeColumn {
    /// Whether the column is of the relation `t`, `d.t` or `c.d.t`.
    pub(crate) fn is_in(&self, path: &[Name]) -> bool {
        let [before @ .., relation] = path else { return false };
        let database = || self.database.as_deref();
        self.relation.as_deref() == Some(&relation.text)
            && match before {
                [] => true,
                [name] => database().is_some_and(|database| database.name == name.text),
                [catalog, name] => database().is_some_and(|database| database.name == name.text && database.catalog == catalog.text),
                _ => false,
            }
    }
}

impl Scope {
    /// The same columns, of a table of this database.
    pub(crate) fn within(mut self, database: &Database) -> Self {
        let database = Rc::new(database.clone());
        self.columns.iter_mut().for_each(|column| column.database = Some(Rc::clone(&database)));
        self
    }

    /// The columns of one relation.
    pub(crate) fn of(schema: &Schema, relation: Option<&str>) -> Self {
        let column =
            |name: &String| ScopeColumn { database: None, relation: relation.map(str::to_owned), name: name.clone(), hidden: false };
        Self { columns: schema.fields.iter().map(|field| column(&field.name)).collect() }
    }

    /// The column that the beginning of a path means, and how many names of the path that beginning has.
    pub(crate) fn resolve(&self, path: &[Name]) -> Planned<(usize, usize)> {
        for skip in 0..path.len().min(3) {
            // `a.b`: relation and column before column and field; a database's name may stand in front.
            let rest = &path[skip..];
            if rest.len() >= 2 {
                let wanted = |column: &ScopeColumn| column.is_in(&path[..=skip]) && column.name == rest[1].text;
                if let Some(at) = self.only(wanted, &path[..skip + 2])? {
                    return Ok((at, skip + 2));
                }
            }
        }
        if let Some(first) = path.first()
            && let Some(at) = self.only(|column| !column.hidden && column.name == first.text, &path[..1])?
        {
            return Ok((at, 1));
        }
        Err(self.unknown(path))
    }

    fn only(&self, wanted: impl Fn(&ScopeColumn) -> bool, path: &[Name]) -> Planned<Option<usize>> {
        let mut found = self.columns.iter().enumerate().filter(|(_, column)| wanted(column)).map(|(at, _)| at);
        let first = found.next();
        if let (Some(first), Some(second)) = (first, found.next()) {
            let told = told(path);
            let of = |at: usize| {
                let column = &self.columns[at];
                column.relation.as_ref().map_or_else(|| column.name.clone(), |relation| format!("{relation}.{}", column.name))
            };
            let alike = self.columns[first].relation == self.columns[second].relation;
            let help = if alike { "two columns have this name: give one another, with AS" } else { "say of which table" };
            return Err(PlanError::new(Code::Ambiguous, format!("column `{told}` is ambiguous"))
                .at(span_of(path))
                .label(help)
                .note(format!("could be {} or {}", of(first), of(second))));
        }
        Ok(first)
    }

    fn unknown(&self, path: &[Name]) -> PlanError {
        let relations = self.relations();
        let qualified = path.len() >= 2 && relations.contains(&path[0].text.as_str());
        let missing = if qualified { &path[1] } else { &path[0] };
        let in_sight: Vec<&str> = self
            .columns
            .iter()
            .filter(|column| !qualified || column.relation.as_deref() == Some(&path[0].text))
            .map(|column| column.name.as_str())
            .collect();
        if path.len() >= 2 && !qualified {
            let error = PlanError::new(Code::UnknownTable, format!("there is no table `{}` in FROM", path[0].text));
            return error.at(path[0].span).suggest(&path[0].text, relations.clone()).note(format!("tables: {}", relations.join(", ")));
        }
        let place = match relations[..] {
            [] => "is not known here".to_owned(),
            [only] if self.columns.iter().all(|column| column.relation.is_some()) => format!("is not in table `{only}`"),
            _ if qualified => format!("is not in table `{}`", path[0].text),
            _ => "is not in any table of FROM".to_owned(),
        };
        let message = if self.columns.is_empty() {
            format!("column `{}` cannot be: there is no FROM", missing.text)
        } else {
            format!("column `{}` {place}", missing.text)
        };
        let error = PlanError::new(Code::UnknownColumn, message).at(missing.span).suggest(&missing.text, in_sight.iter().copied());
        if in_sight.is_empty() { error } else { error.note(format!("columns: {}", in_sight.join(", "))) }
    }

    /// The names of tables in sight, each once.
    pub(crate) fn relations(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for relation in self.columns.iter().filter_map(|column| column.relation.as_deref()) {
            if !names.contains(&relation) {
                names.push(relation);
            }
        }
        names
    }
}

/// `a.b.c`
pub(crate) fn told(path: &[Name]) -> String {
    path.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(".")
}

/// A relation and the names that its columns have.
#[derive(Clone, Debug)]
pub(crate) struct Scoped {
    pub(crate) rel: Rel,
    pub(crate) scope: Scope,
}

impl Scoped {
    /// A relation under one alias.
    pub(crate) fn of(rel: Rel, relation: Option<&str>) -> Self {
        let scope = Scope::of(&rel.schema, relation);
        Self { rel, scope }
    }

    /// The same, where these columns have a name that another one has; a list of columns behind the alias names all anew.
    pub(crate) fn doubled(mut self, doubled: Vec<(usize, String)>, alias: Option<&Alias>) -> Self {
        if alias.is_none_or(|alias| alias.columns.is_empty()) {
            for (at, name) in doubled {
                if let Some(column) = self.scope.columns.get_mut(at) {
                    column.name = name;
                }
            }
        }
        self
    }
}

/// The position of a field of a row type, or the error that there is none.
pub(crate) fn field_of<'a>(kind: &'a TypeKind, name: &Name) -> Planned<(usize, &'a irmak_common::types::Field)> {
    let TypeKind::Row(fields) = kind else {
        return Err(PlanError::new(Code::UnknownField, format!("{kind} has no fields")).at(name.span));
    };
    let found = fields.iter().enumerate().find(|(_, field)| field.name == name.text);
    found.ok_or_else(|| {
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        PlanError::new(Code::UnknownField, format!("the row has no field `{}`", name.text))
            .at(name.span)
            .suggest(&name.text, names.iter().copied())
            .note(format!("fields: {}", names.join(", ")))
    })
}

/// Column names as Flink makes them unique: `dt`, `dt0`, `dt1`; a column without name is `EXPR$<position>`.
pub(crate) fn unique_names(names: Vec<Option<String>>) -> Vec<String> {
    let mut taken = std::collections::HashSet::new();
    let mut unique = Vec::with_capacity(names.len());
    for (position, name) in names.into_iter().enumerate() {
        let original = name.unwrap_or_else(|| format!("EXPR${position}"));
        let mut candidate = original.clone();
        let mut attempt = 0;
        while !taken.insert(candidate.clone()) {
            candidate = format!("{original}{attempt}");
            attempt += 1;
        }
        unique.push(candidate);
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_unique_as_in_flink() {
        let names = ["dt", "id", "dt", "dt"].map(|name| Some(name.to_owned())).into_iter().chain([None]).collect();
        assert_eq!(unique_names(names), ["dt", "id", "dt0", "dt1", "EXPR$4"]);
    }
}
