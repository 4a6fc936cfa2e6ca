//! Whether an answer has the fields and types of a recorded one.

use serde_json::Value;

/// Irmak's own object, which no Flink has.
const OURS: &str = "irmak";
/// Objects whose keys are data, not fields.
const MAPS: &[&str] = &["user-config", "failureLabels", "tasks{}", "extendedResources", "optimizer_properties"];

/// What differs, one line a difference. `optional`: fields that Flink leaves out, and so may we.
pub(super) fn differences(ours: &Value, theirs: &Value, optional: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    compare("", ours, theirs, optional, &mut found);
    found
}

fn compare(at: &str, ours: &Value, theirs: &Value, optional: &[&str], found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (name, value) in theirs {
                match ours.get(name) {
                    _ if MAPS.contains(&name.as_str()) => {}
                    Some(own) => compare(&format!("{at}/{name}"), own, value, optional, found),
                    None if optional.contains(&name.as_str()) => {}
                    None => found.push(format!("{at}/{name} is missing")),
                }
            }
            for name in ours.keys().filter(|name| *name != OURS && !theirs.contains_key(*name) && !optional.contains(&name.as_str())) {
                found.push(format!("{at}/{name} is not Flink's"));
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            for (index, own) in ours.iter().enumerate() {
                let best = theirs.iter().map(|value| {
                    let mut differences = Vec::new();
                    compare(&format!("{at}/{index}"), own, value, optional, &mut differences);
                    differences
                });
                found.extend(best.min_by_key(Vec::len).unwrap_or_default());
            }
        }
        _ if kind(ours) == kind(theirs) || theirs.is_null() => {}
        _ => found.push(format!("{at} is {}, Flink's is {}", kind(ours), kind(theirs))),
    }
}

/// Flink writes a figure that it does not have as "NaN".
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(text) if text == "NaN" => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[test]
fn a_missing_an_odd_and_a_foreign_field_are_told_apart() {
    let theirs = serde_json::json!({ "a": [{ "b": 1 }], "c": "NaN", "d": null });
    let ours = serde_json::json!({ "a": [{ "b": "x" }], "c": 1.0, "e": 0 });
    assert_eq!(differences(&ours, &theirs, &[]), ["/a/0/b is a text, Flink's is a number", "/d is missing", "/e is not Flink's"]);
}
