//! The words that complete what a person types: keywords, tables, columns, functions.

/// Flink's keywords that begin or join what people write; the planner has the whole list.
const KEYWORDS: &[&str] = &[
    "ALL",
    "AND",
    "ARRAY",
    "AS",
    "ASC",
    "BEGIN",
    "BETWEEN",
    "BIGINT",
    "BOOLEAN",
    "BY",
    "BYTES",
    "CASE",
    "CAST",
    "CHANGELOG_MODE",
    "CLEAR",
    "COMMENT",
    "CREATE",
    "CROSS",
    "CUBE",
    "CUMULATE",
    "CURRENT_TIMESTAMP",
    "DATE",
    "DAY",
    "DECIMAL",
    "DESC",
    "DESCRIBE",
    "DESCRIPTOR",
    "DISTINCT",
    "DOUBLE",
    "DROP",
    "ELSE",
    "END",
    "ENFORCED",
    "ESTIMATED_COST",
    "EXCEPT",
    "EXCLUDING",
    "EXECUTE",
    "EXISTS",
    "EXIT",
    "EXPLAIN",
    "FALSE",
    "FILTER",
    "FLOAT",
    "FOLLOWING",
    "FOR",
    "FROM",
    "FULL",
    "FUNCTIONS",
    "GROUP",
    "GROUPING",
    "HAVING",
    "HELP",
    "HOP",
    "HOUR",
    "IF",
    "IN",
    "INCLUDING",
    "INNER",
    "INSERT",
    "INT",
    "INTERSECT",
    "INTERVAL",
    "INTO",
    "IS",
    "JOBS",
    "JOIN",
    "KEY",
    "LEFT",
    "LIKE",
    "LIMIT",
    "MAP",
    "METADATA",
    "MINUTE",
    "MONTH",
    "NOT",
    "NULL",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "OVERWRITE",
    "PARTITION",
    "PARTITIONED",
    "PRECEDING",
    "PRIMARY",
    "QUIT",
    "RANGE",
    "RESET",
    "RIGHT",
    "ROLLUP",
    "ROW",
    "ROWS",
    "SECOND",
    "SELECT",
    "SESSION",
    "SET",
    "SETS",
    "SHOW",
    "SMALLINT",
    "STATEMENT",
    "STOP",
    "STRING",
    "TABLE",
    "TABLES",
    "TEMPORARY",
    "THEN",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_LTZ",
    "TINYINT",
    "TRUE",
    "TRY_CAST",
    "TUMBLE",
    "UNBOUNDED",
    "UNION",
    "UNNEST",
    "USING",
    "VALUES",
    "VARCHAR",
    "VIEW",
    "VIEWS",
    "VIRTUAL",
    "WATERMARK",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
    "WITHIN",
    "YEAR",
];

/// All candidates.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// Tables and views.
    tables: Vec<String>,
    columns: Vec<String>,
    functions: Vec<String>,
}

impl Words {
    pub(crate) fn new(tables: Vec<String>, columns: Vec<String>, functions: Vec<String>) -> Self {
        Self { tables, columns, functions }
    }

    /// Where the word before the cursor (a byte offset) begins, and what it may become: after FROM, JOIN, INTO and the like a table,
    /// elsewhere columns first, then functions, tables, keywords. Keywords and functions come in the case that the person types in.
    pub(crate) fn complete(&self, line: &str, cursor: usize) -> (usize, Vec<String>) {
        let before = line.get(..cursor).unwrap_or(line);
        let begin = before
            .rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let typed = &before[begin..];
        let quotes = before[..begin].matches('\'').count();
        if quotes % 2 == 1 {
            return (begin, Vec::new());
        }
        let lower = typed.chars().any(char::is_lowercase);
        let cased = |word: &str| if lower { word.to_lowercase() } else { word.to_uppercase() };
        let fits = |word: &str| word.to_lowercase().starts_with(&typed.to_lowercase());
        let pick = |words: &[String]| words.iter().filter(|word| fits(word)).cloned().collect::<Vec<_>>();
        if wants_table(&before[..begin]) {
            return (begin, sorted(pick(&self.tables).iter().map(|name| quoted(name)).collect()));
        }
        let mut found = sorted(pick(&self.columns).iter().map(|name| quoted(name)).collect());
        // Nothing typed: everything that there is would be no help.
        if !typed.is_empty() {
            found.extend(sorted(pick(&self.tables).iter().map(|name| quoted(name)).collect()));
            found.extend(sorted(pick(&self.functions).iter().map(|name| cased(name)).collect()));
            found.extend(KEYWORDS.iter().filter(|word| fits(word)).map(|word| cased(word)));
        }
        let mut seen = std::collections::HashSet::new();
        found.retain(|word| seen.insert(word.clone()));
        (begin, found)
    }
}

fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words.dedup();
    words
}

/// Whether the word that comes next names a table.
fn wants_table(before: &str) -> bool {
    let last = before.split_whitespace().next_back().unwrap_or("").to_uppercase();
    let behind_space = before.ends_with(char::is_whitespace);
    behind_space && ["FROM", "JOIN", "INTO", "TABLE", "VIEW", "DESCRIBE", "DESC", "(TABLE", "OVERWRITE"].contains(&last.as_str())
}

/// A name as it must be written: in backticks where it is no plain word.
fn quoted(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_numeric());
    let reserved = KEYWORDS.contains(&name.to_uppercase().as_str())
        || ["VALUE", "USER", "TIMESTAMP", "METHOD", "RESULT"].contains(&name.to_uppercase().as_str());
    if plain && !reserved { name.to_owned() } else { format!("`{}`", name.replace('`', "``")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_completed_by_what_may_stand_there() {
        let words = Words::new(
            vec!["orders".into(), "order lines".into()],
            vec!["price".into(), "value".into(), "product".into()],
            vec!["UPPER".into(), "PROCTIME".into()],
        );
        let check = |line: &str, expected: &[&str]| {
            let (_, found) = words.complete(line, line.len());
            assert_eq!(found, expected, "{line}");
        };
        check("SELECT * FROM ord", &["`order lines`", "orders"]);
        check("SELECT pr", &["price", "product", "proctime", "preceding", "primary"]);
        check("SELECT val", &["`value`", "values"]);
        check("SEL", &["SELECT"]);
        check("sel", &["select"]);
        check("SELECT 'pr", &[]);
        check("SELECT ", &["`value`", "price", "product"]);
        check("SELECT upp", &["upper"]);
        check("SELECT ç", &[]);
    }

    #[test]
    fn what_is_replaced_begins_with_the_word() {
        let words = Words::new(vec!["t".into()], vec![], vec![]);
        assert_eq!(words.complete("SELECT ü, sel", 13 + 1).0, 11);
    }
}
