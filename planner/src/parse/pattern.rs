//! `MATCH_RECOGNIZE (...)` and the language of patterns. The grammar is Calcite's, with its clauses in its order.

use crate::ast::pattern::{MatchClause, Measure, Pattern, PatternKind, Skip};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::{Cursor, Name};

use super::expr::expr;
use super::over::order_item;

/// Reads what stands behind the word `MATCH_RECOGNIZE`, which is at `span`.
pub(crate) fn clause(cursor: &mut Cursor, span: Span) -> Planned<MatchClause> {
    cursor.expect_symbol("(")?;
    let partition_by = if cursor.eat(&["PARTITION", "BY"]) { cursor.list(expr)? } else { Vec::new() };
    let order_by = if cursor.eat(&["ORDER", "BY"]) { cursor.list(order_item)? } else { Vec::new() };
    let measures = if cursor.eat(&["MEASURES"]) { cursor.list(measure)? } else { Vec::new() };
    let all_rows = rows_per_match(cursor)?;
    let skip = skip(cursor)?;
    cursor.expect_words(&["PATTERN"])?;
    cursor.expect_symbol("(")?;
    // Flink reads the anchors and takes no notice of them.
    cursor.eat_symbol("^");
    let pattern = alternatives(cursor)?;
    cursor.eat(&["$"]);
    cursor.expect_symbol(")")?;
    let within = if cursor.eat(&["WITHIN"]) { Some(expr(cursor)?) } else { None };
    let subset = subset(cursor)?;
    cursor.expect_words(&["DEFINE"])?;
    let define = cursor.list(|cursor| {
        let name = cursor.name("a pattern variable")?;
        cursor.expect_words(&["AS"])?;
        Ok((name, expr(cursor)?))
    })?;
    cursor.expect_symbol(")")?;
    Ok(MatchClause { partition_by, order_by, measures, all_rows, skip, pattern, within, subset, define, span })
}

fn measure(cursor: &mut Cursor) -> Planned<Measure> {
    let start = cursor.span();
    let prefixed = |word: &str| cursor.at_words(&[word]) && [".", "(", ","].iter().all(|symbol| !cursor.is_symbol_at(1, symbol));
    let running = prefixed("RUNNING").then_some(start);
    if running.is_some() || (prefixed("FINAL") && !cursor.at_words(&["FINAL", "AS"])) {
        cursor.next();
    }
    let expr = expr(cursor)?;
    if !cursor.at_words(&["AS"]) {
        return Err(cursor.unexpected(&["AS"]).note("a measure has a name: MEASURES LAST(A.price) AS price"));
    }
    cursor.expect_words(&["AS"])?;
    Ok(Measure { running, expr, name: cursor.name("a measure's name")? })
}

fn rows_per_match(cursor: &mut Cursor) -> Planned<Option<Span>> {
    let start = cursor.span();
    if cursor.eat(&["ALL"]) {
        cursor.expect_words(&["ROWS", "PER", "MATCH"])?;
        return Ok(Some(start.to(cursor.last_span())));
    }
    if cursor.eat(&["ONE"]) {
        cursor.expect_words(&["ROW", "PER", "MATCH"])?;
    }
    Ok(None)
}

fn skip(cursor: &mut Cursor) -> Planned<Skip> {
    if !cursor.eat(&["AFTER"]) {
        return Ok(Skip::NextRow);
    }
    cursor.expect_words(&["MATCH", "SKIP"])?;
    if cursor.eat(&["PAST"]) {
        cursor.expect_words(&["LAST", "ROW"])?;
        return Ok(Skip::PastLastRow);
    }
    cursor.expect_words(&["TO"])?;
    if cursor.eat(&["NEXT", "ROW"]) {
        return Ok(Skip::NextRow);
    }
    if cursor.eat(&["FIRST"]) {
        return Ok(Skip::First(cursor.name("a pattern variable")?));
    }
    cursor.eat(&["LAST"]);
    Ok(Skip::Last(cursor.name("a pattern variable")?))
}

fn subset(cursor: &mut Cursor) -> Planned<Option<Span>> {
    let start = cursor.span();
    if !cursor.eat(&["SUBSET"]) {
        return Ok(None);
    }
    cursor.list(|cursor| {
        cursor.name("a name")?;
        cursor.expect_symbol("=")?;
        super::table::column_names(cursor)
    })?;
    Ok(Some(start))
}

fn alternatives(cursor: &mut Cursor) -> Planned<Pattern> {
    cursor.nested(|cursor| {
        let start = cursor.span();
        let first = concat(cursor)?;
        if !cursor.at_symbol("|") {
            return Ok(first);
        }
        while cursor.eat_symbol("|") {
            concat(cursor)?;
        }
        Ok(Pattern { kind: PatternKind::Alternation, span: start.to(cursor.last_span()) })
    })
}

fn concat(cursor: &mut Cursor) -> Planned<Pattern> {
    let start = cursor.span();
    let mut parts = vec![factor(cursor)?];
    while ![")", "|", ","].iter().any(|symbol| cursor.at_symbol(symbol)) && !at_end(cursor) {
        parts.push(factor(cursor)?);
    }
    let span = start.to(cursor.last_span());
    Ok(match <[Pattern; 1]>::try_from(parts) {
        Ok([only]) => only,
        Err(parts) => Pattern { kind: PatternKind::Concat(parts), span },
    })
}

/// Before `$`, `-}`, or where nothing follows.
fn at_end(cursor: &Cursor) -> bool {
    cursor.at_words(&["$"]) || (cursor.at_symbol("-") && cursor.is_symbol_at(1, "}")) || cursor.at_end()
}

fn factor(cursor: &mut Cursor) -> Planned<Pattern> {
    let inner = primary(cursor)?;
    let start = inner.span;
    let Some((min, max)) = quantifier(cursor)? else { return Ok(inner) };
    let reluctant = cursor.eat_symbol("?");
    let kind = PatternKind::Repeat { inner: Box::new(inner), min, max, reluctant };
    Ok(Pattern { kind, span: start.to(cursor.last_span()) })
}

fn primary(cursor: &mut Cursor) -> Planned<Pattern> {
    let start = cursor.span();
    if cursor.eat_symbol("(") {
        let inner = alternatives(cursor)?;
        cursor.expect_symbol(")")?;
        return Ok(Pattern { span: start.to(cursor.last_span()), ..inner });
    }
    if cursor.at_symbol("{") && cursor.is_symbol_at(1, "-") {
        cursor.next();
        cursor.next();
        alternatives(cursor)?;
        cursor.expect_symbol("-")?;
        cursor.expect_symbol("}")?;
        return Ok(Pattern { kind: PatternKind::Exclusion, span: start.to(cursor.last_span()) });
    }
    if cursor.at_words(&["PERMUTE"]) && cursor.is_symbol_at(1, "(") {
        cursor.next();
        cursor.next();
        cursor.list(alternatives)?;
        cursor.expect_symbol(")")?;
        return Ok(Pattern { kind: PatternKind::Permutation, span: start.to(cursor.last_span()) });
    }
    let name: Name = cursor.name("a pattern variable")?;
    Ok(Pattern { span: name.span, kind: PatternKind::Variable(name) })
}

/// (at least, at most) of `*`, `+`, `?`, `{2}`, `{2,}`, `{2,3}`, `{,3}`.
fn quantifier(cursor: &mut Cursor) -> Planned<Option<(Option<u32>, Option<u32>)>> {
    if cursor.eat_symbol("*") {
        return Ok(Some((Some(0), None)));
    }
    if cursor.eat_symbol("+") {
        return Ok(Some((Some(1), None)));
    }
    if cursor.eat_symbol("?") {
        return Ok(Some((Some(0), Some(1))));
    }
    if !cursor.at_symbol("{") || cursor.is_symbol_at(1, "-") {
        return Ok(None);
    }
    cursor.expect_symbol("{")?;
    let min: Option<u32> = if cursor.at_symbol(",") { None } else { Some(cursor.number("how many rows")?) };
    let max = match cursor.eat_symbol(",") {
        false => min,
        true if min.is_some() && cursor.at_symbol("}") => None,
        true => Some(cursor.number("how many rows")?),
    };
    let end = cursor.span();
    cursor.expect_symbol("}")?;
    if let (Some(min), Some(max)) = (min, max)
        && max < min.max(1)
    {
        let message = format!("the quantifier {{{min},{max}}} matches no row");
        return Err(PlanError::new(Code::Syntax, message).at(end).label("the second number is at least 1, and not less than the first"));
    }
    Ok(Some((min, max)))
}
