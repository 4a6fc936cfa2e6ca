//! `SHOW ...` and `DESCRIBE`: what is to be listed, of which database, and which names of it.

use crate::ast::{Listed, Pattern, Show, StatementKind};
use crate::error::{Code, PlanError, Planned};
use crate::token::Cursor;

use super::catalog;

const LISTS: [&str; 13] = [
    "TABLES",
    "VIEWS",
    "COLUMNS",
    "FUNCTIONS",
    "CREATE TABLE",
    "CREATE VIEW",
    "CREATE CATALOG",
    "CATALOGS",
    "DATABASES",
    "CURRENT CATALOG",
    "CURRENT DATABASE",
    "MODULES",
    "JARS",
];

/// Reads what stands behind SHOW.
pub(crate) fn show(cursor: &mut Cursor) -> Planned<Show> {
    if cursor.eat(&["CREATE", "TABLE"]) {
        return Ok(Show::CreateTable(cursor.path("a table")?));
    }
    if cursor.eat(&["CREATE", "VIEW"]) {
        return Ok(Show::CreateView(cursor.path("a view")?));
    }
    if cursor.eat(&["COLUMNS"]) {
        if !cursor.eat(&["FROM"]) && !cursor.eat(&["IN"]) {
            return Err(cursor.unexpected(&["FROM", "IN"]));
        }
        let table = cursor.path("a table")?;
        return Ok(Show::Columns { table, only: pattern(cursor)? });
    }
    if cursor.eat(&["CREATE", "CATALOG"]) {
        return Ok(Show::CreateCatalog(cursor.name("a catalog")?));
    }
    for (word, instead) in [("JOBS", "`irmak list` shows the jobs, and so does SHOW JOBS in `irmak sql`"), ("PARTITIONS", PARTITIONS)] {
        if cursor.at_words(&[word]) {
            return Err(PlanError::new(Code::Unsupported, format!("SHOW {word} is not supported here")).at(cursor.span()).note(instead));
        }
    }
    let listed = listed(cursor)?;
    let within = if cursor.eat(&["FROM"]) || cursor.eat(&["IN"]) { cursor.path("a database")? } else { Vec::new() };
    Ok(Show::Names { listed, within, only: pattern(cursor)? })
}

const PARTITIONS: &str = "partitions are the folders below the table's path: nobody keeps a list of them";

fn listed(cursor: &mut Cursor) -> Planned<Listed> {
    let all = [
        (&["TABLES"][..], Listed::Tables),
        (&["VIEWS"], Listed::Views),
        (&["USER", "FUNCTIONS"], Listed::UserFunctions),
        (&["FUNCTIONS"], Listed::Functions),
        (&["PROCEDURES"], Listed::Procedures),
        (&["CATALOGS"], Listed::Catalogs),
        (&["DATABASES"], Listed::Databases),
        (&["CURRENT", "CATALOG"], Listed::CurrentCatalog),
        (&["CURRENT", "DATABASE"], Listed::CurrentDatabase),
        (&["FULL", "MODULES"], Listed::FullModules),
        (&["MODULES"], Listed::Modules),
        (&["JARS"], Listed::Jars),
    ];
    match all.into_iter().find(|(words, _)| cursor.eat(words)) {
        Some((_, listed)) => Ok(listed),
        None => {
            let error = cursor.unexpected(&LISTS);
            Err(match &cursor.peek().kind {
                crate::token::TokenKind::Word { text, .. } => error.suggest(text, LISTS),
                _ => error,
            })
        }
    }
}

/// `[NOT] LIKE 'a%'` or `ILIKE`.
fn pattern(cursor: &mut Cursor) -> Planned<Option<Pattern>> {
    let negated = cursor.eat(&["NOT"]);
    let any_case = cursor.at_words(&["ILIKE"]);
    if !any_case && !cursor.at_words(&["LIKE"]) {
        return if negated { Err(cursor.unexpected(&["LIKE", "ILIKE"])) } else { Ok(None) };
    }
    cursor.next();
    Ok(Some(Pattern { negated, any_case, text: cursor.string("a pattern in quotes, such as 'a%'")? }))
}

/// Reads what stands behind DESCRIBE.
pub(crate) fn describe(cursor: &mut Cursor) -> Planned<StatementKind> {
    if let Some(statement) = catalog::describe(cursor)? {
        return Ok(statement);
    }
    for word in ["FUNCTION", "JOB"] {
        let object = cursor.at_words(&[word]) && matches!(cursor.look(1).kind, crate::token::TokenKind::Word { .. });
        if object || cursor.at_words(&[word, "EXTENDED"]) {
            return Err(PlanError::new(Code::Unsupported, format!("DESCRIBE {word} is not supported")).at(cursor.span()));
        }
    }
    if matches!(cursor.look(1).kind, crate::token::TokenKind::Word { .. }) {
        cursor.eat(&["EXTENDED"]);
    }
    Ok(StatementKind::Describe { name: cursor.path("a table")? })
}

/// Reads what stands behind USE.
pub(crate) fn usage(cursor: &mut Cursor) -> Planned<StatementKind> {
    if cursor.eat(&["MODULES"]) {
        let names = cursor.list(|cursor| cursor.name("a module"))?;
        return match names.iter().find(|name| name.text != "core") {
            None => Ok(StatementKind::Nothing),
            Some(other) => {
                let message = format!("there is no module `{}`", other.text);
                Err(PlanError::new(Code::UnknownTable, message).at(other.span).note("there is `core`"))
            }
        };
    }
    catalog::usage(cursor)
}

impl Pattern {
    /// Whether a name is one of those that are asked for: `%` is any text, `_` any character, `\` takes the next one as it is.
    pub(crate) fn takes(&self, name: &str) -> bool {
        let case = |text: &str| if self.any_case { text.to_lowercase() } else { text.to_owned() };
        matches(&case(&self.text), &case(name)) != self.negated
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    // `reached[i]`: the pattern so far takes the first i characters.
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    let mut chars = pattern.chars();
    while let Some(wanted) = chars.next() {
        let mut next = vec![false; name.len() + 1];
        match wanted {
            '%' => {
                let from = reached.iter().position(|at| *at).unwrap_or(next.len());
                next.iter_mut().skip(from).for_each(|at| *at = true);
            }
            _ => {
                let literal = if wanted == '\\' { chars.next() } else { Some(wanted).filter(|wanted| *wanted != '_') };
                for (at, found) in name.iter().enumerate() {
                    next[at + 1] = reached[at] && literal.is_none_or(|literal| literal == *found);
                }
            }
        }
        reached = next;
    }
    reached[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_takes_what_like_takes() {
        for (text, name, taken) in [
            ("b%", "bid", true),
            ("b%", "abid", false),
            ("%", "", true),
            ("_id", "bid", true),
            ("_id", "id", false),
            ("%i_", "bid", true),
            ("a\\_b", "a_b", true),
            ("a\\_b", "axb", false),
            ("B%", "bid", false),
        ] {
            let pattern = Pattern { negated: false, any_case: false, text: text.into() };
            assert_eq!(pattern.takes(name), taken, "{name} LIKE {text}");
            assert_eq!(Pattern { negated: true, ..pattern }.takes(name), !taken, "{name} NOT LIKE {text}");
        }
        assert!(Pattern { negated: false, any_case: true, text: "B%".into() }.takes("bid"));
    }
}
