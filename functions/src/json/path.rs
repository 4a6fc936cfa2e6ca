//! JSON paths: `lax $.a['b'][0]`, as Jayway's JsonPath reads them; without filters and functions.

use serde_json::Value as Json;

/// What a missing member means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Nothing.
    Lax,
    /// An error.
    Strict,
}

/// A compiled path.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) mode: Mode,
    /// `None`: the path is none, and every use of it an error.
    steps: Option<Vec<Step>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Members(Vec<String>),
    Index(i64),
    Indices(Vec<i64>),
    Slice(Option<i64>, Option<i64>),
    All,
    /// `..`: here and everywhere below.
    Descend,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    /// A value; JSON null too.
    Value(Json),
    /// Nothing, though the path allows it.
    Nothing,
    /// Nothing, against the path's word.
    Missing,
}

impl Path {
    pub(super) fn new(text: &str) -> Self {
        let trimmed = text.trim_start();
        let modes = [("lax", Mode::Lax), ("strict", Mode::Strict)];
        let named = modes.iter().find_map(|(word, mode)| {
            let head = trimmed.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word))?;
            let rest = &trimmed[head.len()..];
            rest.starts_with(char::is_whitespace).then(|| (*mode, rest.trim()))
        });
        let (mode, path) = named.unwrap_or((Mode::Strict, text.trim()));
        Self { mode, steps: steps(path) }
    }

    /// Follows the path from the root.
    pub(super) fn find(&self, root: &Json) -> Found {
        let Some(steps) = &self.steps else { return Found::Missing };
        let definite = steps.iter().all(|step| matches!(step, Step::Member(_) | Step::Index(_)));
        let mut here = vec![root];
        for step in steps {
            here = here.into_iter().flat_map(|value| follow(value, step)).collect();
        }
        match (definite, here.first(), self.mode) {
            (true, Some(value), _) => Found::Value((*value).clone()),
            (true, None, Mode::Lax) => Found::Nothing,
            (true, None, Mode::Strict) => Found::Missing,
            (false, ..) => Found::Value(Json::Array(here.into_iter().cloned().collect())),
        }
    }
}

fn follow<'a>(value: &'a Json, step: &Step) -> Vec<&'a Json> {
    let at = |items: &'a [Json], index: i64| {
        let place = if index < 0 { index + items.len() as i64 } else { index };
        usize::try_from(place).ok().and_then(|place| items.get(place))
    };
    match (value, step) {
        (Json::Object(members), Step::Member(name)) => members.get(name).into_iter().collect(),
        (Json::Object(members), Step::Members(names)) => names.iter().filter_map(|name| members.get(name)).collect(),
        (Json::Object(members), Step::All) => members.values().collect(),
        (Json::Array(items), Step::All) => items.iter().collect(),
        (Json::Array(items), Step::Index(index)) => at(items, *index).into_iter().collect(),
        (Json::Array(items), Step::Indices(indices)) => indices.iter().filter_map(|index| at(items, *index)).collect(),
        (Json::Array(items), Step::Slice(from, to)) => {
            let place = |bound: i64| (if bound < 0 { bound + items.len() as i64 } else { bound }).clamp(0, items.len() as i64) as usize;
            let (from, to) = (place(from.unwrap_or(0)), place(to.unwrap_or(items.len() as i64)));
            items.get(from..to).into_iter().flatten().collect()
        }
        (_, Step::Descend) => {
            let children: Vec<&Json> = match value {
                Json::Object(members) => members.values().collect(),
                Json::Array(items) => items.iter().collect(),
                _ => Vec::new(),
            };
            std::iter::once(value).chain(children.into_iter().flat_map(|child| follow(child, step))).collect()
        }
        _ => Vec::new(),
    }
}

fn steps(path: &str) -> Option<Vec<Step>> {
    // A path without its root begins with a step from it.
    let rooted;
    let mut rest = match path.strip_prefix(['$', '@']) {
        Some(rest) => rest,
        None if path.is_empty() => return None,
        None if path.starts_with('[') => path,
        None => {
            rooted = format!(".{path}");
            &rooted
        }
    };
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix("..") {
            steps.push(Step::Descend);
            rest = tail;
            if rest.starts_with('[') {
                continue;
            }
            rest = named(rest, &mut steps)?;
        } else if let Some(tail) = rest.strip_prefix('.') {
            rest = named(tail, &mut steps)?;
        } else {
            let inside = rest.strip_prefix('[')?;
            let end = bracket_end(inside)?;
            steps.push(bracketed(inside[..end].trim())?);
            rest = &inside[end + 1..];
        }
    }
    Some(steps)
}

/// A name behind a point, and what follows it.
fn named<'a>(text: &'a str, steps: &mut Vec<Step>) -> Option<&'a str> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let name = &text[..end];
    if name.is_empty() || name.contains(['(', ')']) {
        return None;
    }
    steps.push(if name == "*" { Step::All } else { Step::Member(name.to_owned()) });
    Some(&text[end..])
}

/// Where the bracket closes, quotes respected.
fn bracket_end(inside: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in inside.char_indices() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (']', None) => return Some(at),
            _ => {}
        }
    }
    None
}

fn bracketed(inside: &str) -> Option<Step> {
    if inside == "*" {
        return Some(Step::All);
    }
    if inside.starts_with(['\'', '"']) {
        let mut names = inside.split(',').map(|name| {
            let name = name.trim();
            let bare = name.strip_prefix(['\'', '"'])?.strip_suffix(['\'', '"'])?;
            Some(bare.to_owned())
        });
        // A comma inside quotes belongs to the name.
        let whole = inside.strip_prefix(['\'', '"'])?.strip_suffix(['\'', '"'])?;
        let quotes = whole.contains(['\'', '"']);
        return if quotes { names.by_ref().collect::<Option<Vec<_>>>().map(Step::Members) } else { Some(Step::Member(whole.to_owned())) };
    }
    if let Some((from, to)) = inside.split_once(':') {
        let bound = |text: &str| if text.trim().is_empty() { Some(None) } else { text.trim().parse().ok().map(Some) };
        return Some(Step::Slice(bound(from)?, bound(to)?));
    }
    let indices = inside.split(',').map(|index| index.trim().parse().ok()).collect::<Option<Vec<i64>>>()?;
    Some(if let [index] = indices[..] { Step::Index(index) } else { Step::Indices(indices) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_followed() {
        let root: Json = serde_json::from_str(r#"{"a":{"b":1,"c":[1,2,{"d":"x"}]},"a.b":5,"n":null}"#).unwrap();
        let json = |text: &str| Found::Value(serde_json::from_str(text).unwrap());
        for (path, found) in [
            ("$.a.b", json("1")),
            ("$.a.c[2].d", json("\"x\"")),
            ("$['a.b']", json("5")),
            ("$.a['b','c']", json(r#"[1,[1,2,{"d":"x"}]]"#)),
            ("$.a.c[-1].d", json("\"x\"")),
            ("$.a.c[0,1]", json("[1,2]")),
            ("$.a.c[:2]", json("[1,2]")),
            ("$..d", json(r#"["x"]"#)),
            ("$.n", json("null")),
            ("$.z", Found::Missing),
            ("lax $.z", Found::Nothing),
            ("strict $.z", Found::Missing),
            ("lax nonsense", Found::Nothing),
            ("lax $nonsense", Found::Missing),
            ("$", Found::Value(root.clone())),
        ] {
            assert_eq!(Path::new(path).find(&root), found, "{path}");
        }
    }
}
