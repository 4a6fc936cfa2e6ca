//! MATCH_RECOGNIZE: which operator it becomes, its columns, and what is refused where.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use irmak_common::error::Diagnostic;
use irmak_common::job_graph::OperatorNode;
use irmak_common::match_spec::{AfterMatch, MatchRead, MatchSpec};
use irmak_common::operator_spec::OperatorSpec;
use irmak_planner::{Format, Outcome, Request, plan};

const BID: &str = "CREATE TABLE bid (auction BIGINT, bidder BIGINT, price BIGINT NOT NULL, tag ROW<a INT>, dt TIMESTAMP(3), pt AS PROCTIME(), \
    WATERMARK FOR dt AS dt - INTERVAL '2' SECOND) WITH ('connector' = 'filesystem', 'path' = '/in', 'format' = 'json');\n";

/// The clauses of a query, each with what it is where nothing else is said.
struct Clauses {
    head: &'static str,
    measures: &'static str,
    rows: &'static str,
    pattern: &'static str,
    define: &'static str,
}

impl Default for Clauses {
    fn default() -> Self {
        let head = "PARTITION BY auction ORDER BY dt";
        Self { head, measures: "A.price AS p", rows: "ONE ROW PER MATCH", pattern: "(A B)", define: "B AS B.price > A.price" }
    }
}

impl Clauses {
    fn text(&self) -> String {
        let Self { head, measures, rows, pattern, define } = self;
        format!("SELECT * FROM bid MATCH_RECOGNIZE ({head} MEASURES {measures} {rows} PATTERN {pattern} DEFINE {define}) AS T")
    }
}

#[allow(clippy::result_large_err)]
fn matched(query: &str) -> Result<(OperatorNode, u32), Diagnostic> {
    let text = format!("{BID}{query};");
    let configuration = BTreeMap::from([("parallelism.default".to_owned(), "4".to_owned())]);
    let statements = plan(&Request { file: "t.sql", text: &text, format: Format::Sql, configuration: &configuration })?;
    let Outcome::Job(graph) = statements.into_iter().last().unwrap().outcome else { panic!("no job") };
    let nodes = graph.vertices.iter().flat_map(|vertex| vertex.chain.iter().map(|node| (node.clone(), vertex.parallelism)));
    Ok(nodes.into_iter().find(|(node, _)| matches!(node.spec, OperatorSpec::Match(_))).expect("no Match"))
}

fn spec(clauses: Clauses) -> MatchSpec {
    match matched(&clauses.text()).unwrap_or_else(|error| panic!("{error}")).0.spec {
        OperatorSpec::Match(spec) => *spec,
        _ => panic!("no Match"),
    }
}

#[track_caller]
fn columns(clauses: Clauses, expected: &[&str]) {
    let (node, _) = matched(&clauses.text()).unwrap_or_else(|error| panic!("{error}"));
    let told: Vec<String> = node.output.fields.iter().map(|field| format!("{} {}", field.name, field.ty)).collect();
    assert_eq!(told, expected);
}

#[track_caller]
fn refused(clauses: Clauses, code: &str, words: &str) {
    let error = matched(&clauses.text()).map(|_| ()).expect_err(words);
    assert!(error.code == code && error.message.contains(words), "{error}");
    assert!(error.position.is_some(), "{error}");
}

#[test]
fn a_pattern_is_one_operator_of_each_key_or_of_all_rows() {
    assert_eq!(matched(&Clauses::default().text()).unwrap().1, 4);
    let (node, parallelism) = matched(&Clauses { head: "ORDER BY dt", ..Clauses::default() }.text()).unwrap();
    assert_eq!((node.name.as_str(), parallelism), ("Match", 1));
    let graph = serde_json::to_string(&node).unwrap();
    assert_eq!(serde_json::from_str::<OperatorNode>(&graph).unwrap(), node);
}

#[test]
fn quantifiers_are_flinks() {
    let pattern = "(A B* C+? D{2} E{2,} F{1,3}? G? (H))";
    let spec = spec(Clauses { pattern, ..Clauses::default() });
    let told: Vec<_> = spec.pattern.iter().map(|variable| (variable.min, variable.max, variable.greedy)).collect();
    let expected = [
        (1, Some(1), false),
        (0, None, true),
        (1, None, false),
        (2, Some(2), false),
        (2, None, true),
        (1, Some(3), false),
        (0, Some(1), false),
        (1, Some(1), false),
    ];
    assert_eq!(told, expected);
}

#[test]
fn skipping_to_the_next_row_is_what_is_meant_where_nothing_is_said() {
    let skip = |rows| spec(Clauses { rows, ..Clauses::default() }).skip;
    assert_eq!(skip(""), AfterMatch::NextRow);
    assert_eq!(skip("ONE ROW PER MATCH AFTER MATCH SKIP TO NEXT ROW"), AfterMatch::NextRow);
    assert_eq!(skip("AFTER MATCH SKIP PAST LAST ROW"), AfterMatch::PastLastRow);
    assert_eq!(skip("AFTER MATCH SKIP TO FIRST B"), AfterMatch::First { variable: 1 });
    assert_eq!(skip("AFTER MATCH SKIP TO LAST B"), AfterMatch::Last { variable: 1 });
    assert_eq!(skip("AFTER MATCH SKIP TO B"), AfterMatch::Last { variable: 1 });
}

#[test]
fn columns_have_flinks_types_and_time_stays_time() {
    let measures = "LAST(B.price) AS l, LAST(B.price, 1) AS l1, COUNT(*) AS n, SUM(A.price) AS s, B.dt AS t, B.dt + INTERVAL '1' SECOND AS u, \
        MATCH_ROWTIME() AS r, MATCH_ROWTIME(dt) AS r2, B.tag.a AS a, price AS p";
    let expected = [
        "auction BIGINT",
        "l BIGINT NOT NULL",
        "l1 BIGINT",
        "n BIGINT NOT NULL",
        "s BIGINT",
        "t TIMESTAMP(3) *ROWTIME*",
        "u TIMESTAMP(3) *ROWTIME*",
        "r TIMESTAMP(3) NOT NULL *ROWTIME*",
        "r2 TIMESTAMP(3) *ROWTIME*",
        "a INT",
        "p BIGINT NOT NULL",
    ];
    columns(Clauses { measures, ..Clauses::default() }, &expected);
    // A variable without row has no value, whatever its column says.
    columns(Clauses { measures: "B.price AS p", pattern: "(A B?)", ..Clauses::default() }, &["auction BIGINT", "p BIGINT"]);
}

#[test]
fn an_offset_goes_to_every_column_of_its_expression() {
    let spec = spec(Clauses { measures: "LAST(B.price * B.bidder, 1) AS x", pattern: "(A B{2})", ..Clauses::default() });
    let offsets = spec.measures[0].reads.iter().map(|read| match read {
        MatchRead::Field { variable, from_first, offset, .. } => (*variable, *from_first, *offset),
        other => panic!("{other:?}"),
    });
    assert_eq!(offsets.collect::<Vec<_>>(), [(Some(1), false, 1), (Some(1), false, 1)]);
}

#[test]
fn what_flink_refuses_of_a_pattern_is_refused() {
    let pattern = |pattern| Clauses { pattern, ..Clauses::default() };
    for (text, words) in [
        ("(A B+)", "greedy quantifiers are not allowed as the last element"),
        ("(A B{1,2})", "greedy quantifiers are not allowed as the last element"),
        ("(A*)", "empty matches"),
        ("(A? B*?)", "empty matches"),
        ("(A | B)", "alternatives"),
        ("(PERMUTE(A, B))", "PERMUTE"),
        ("(A {- B -} C)", "exclusion"),
        ("((A B)+ C)", "group of variables"),
        ("(A B A)", "unique"),
        ("(A B?? C)", "reluctant optional"),
        ("(A B{,2} C)", "{,2}"),
        ("(A+ B* C)", "cannot stand behind a greedy one"),
        ("(A+ B? C)", "cannot stand behind a greedy one"),
    ] {
        refused(pattern(text), "E0501", words);
    }
    refused(pattern("(A B{0} C)"), "E0101", "matches no row");
    refused(pattern("(A B{3,2} C)"), "E0101", "matches no row");
    assert!(matched(&pattern("(A+ B{0,2} C)").text()).is_ok());
    assert!(matched(&pattern("(^ A B $)").text()).is_ok());
}

#[test]
fn what_flink_refuses_of_the_clauses_is_refused() {
    let all = Clauses::default;
    refused(Clauses { rows: "ALL ROWS PER MATCH", ..all() }, "E0501", "ALL ROWS");
    refused(Clauses { rows: "AFTER MATCH SKIP TO FIRST X", ..all() }, "E0209", "no pattern variable `X`");
    refused(Clauses { head: "PARTITION BY auction", ..all() }, "E0306", "ORDER BY");
    refused(Clauses { head: "ORDER BY price", ..all() }, "E0306", "time attribute first");
    refused(Clauses { head: "ORDER BY dt DESC", ..all() }, "E0306", "ascending");
    refused(Clauses { head: "PARTITION BY auction + 1 ORDER BY dt", ..all() }, "E0101", "no expressions");
    refused(Clauses { pattern: "(A B) WITHIN INTERVAL '1' MONTH", ..all() }, "E0301", "WITHIN");
    refused(Clauses { pattern: "(A B) SUBSET S = (A, B)", ..all() }, "E0501", "SUBSET");
    refused(Clauses { define: "B AS B.price", ..all() }, "E0303", "DEFINE");
    refused(Clauses { define: "B AS TRUE, B AS FALSE", ..all() }, "E0202", "already been defined");
    refused(Clauses { define: "B AS PREV(B.price) > 1", ..all() }, "E0501", "physical offsets");
    refused(Clauses { define: "B AS NEXT(B.price) > 1", ..all() }, "E0501", "physical offsets");
    assert!(matched(&Clauses { define: "B AS PREV(B.price, 0) > PREV(A.price, 1)", ..all() }.text()).is_ok());
    assert!(matched(&Clauses { define: "B AS TRUE, Z AS Z.price > 1", ..all() }.text()).is_ok());
}

#[test]
fn what_flink_refuses_of_measures_is_refused() {
    let measures = |measures| Clauses { measures, ..Clauses::default() };
    for (text, code, words) in [
        ("A.price AS auction", "E0203", "ambiguously defined: {auction}"),
        ("A.price AS x, B.price AS x", "E0203", "ambiguously defined: {x}"),
        ("X.price AS x", "E0201", "no pattern variable `X`"),
        ("A.prise AS x", "E0207", "prise"),
        ("A.price", "E0101", "unexpected"),
        ("SUM(A.price + B.price) AS x", "E0308", "several pattern variables"),
        ("COUNT(1) AS x", "E0308", "no pattern variable"),
        ("COUNT(DISTINCT A.price) AS x", "E0501", "DISTINCT"),
        ("COUNT(A.price) FILTER (WHERE TRUE) AS x", "E0501", "FILTER"),
        ("LAST(SUM(A.price)) AS x", "E0308", "aggregate"),
        ("LAST(A.price + B.price) AS x", "E0301", "several pattern variables"),
        ("LAST(5) AS x", "E0301", "names no column"),
        ("FIRST(LAST(A.price)) AS x", "E0501", "inside of another"),
        ("LAST(A.price, -1) AS x", "E0301", "not negative"),
        ("PREV(A.price) AS x", "E0501", "measure"),
        ("RUNNING LAST(A.price) AS x", "E0501", "RUNNING"),
        ("CLASSIFIER() AS x", "E0501", "CLASSIFIER"),
        ("MATCH_ROWTIME(price) AS x", "E0306", "rowtime"),
    ] {
        refused(measures(text), code, words);
    }
    assert!(matched(&measures("FINAL LAST(A.price) AS x, 1 AS x1, PI() AS x2").text()).is_ok());
}

#[test]
fn a_stream_that_updates_cannot_be_matched() {
    let query = "SELECT * FROM (SELECT auction, COUNT(*) AS n, PROCTIME() AS pt FROM bid GROUP BY auction) \
        MATCH_RECOGNIZE (ORDER BY pt MEASURES A.n AS n PATTERN (A B) DEFINE B AS B.n > A.n) AS T";
    let error = matched(query).map(|_| ()).expect_err("updates");
    assert!(error.code == "E0502" && error.message.contains("Match Recognize doesn't support consuming update changes"), "{error}");
}
