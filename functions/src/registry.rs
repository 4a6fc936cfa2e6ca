//! All functions, by name.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::function::Function;

/// The function of this name, in any case.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    static BY_NAME: OnceLock<HashMap<&'static str, &'static Function>> = OnceLock::new();
    let by_name = BY_NAME.get_or_init(|| {
        all().flat_map(|function| std::iter::once(&function.name).chain(function.aliases).map(move |name| (*name, function))).collect()
    });
    by_name.get(name).or_else(|| by_name.get(name.to_ascii_uppercase().as_str())).copied()
}

/// Every function and operator.
pub(crate) fn all() -> impl Iterator<Item = &'static Function> {
    const SINGLE: &[&[Function]] = &[
        crate::arithmetic::FUNCTIONS,
        crate::compare::FUNCTIONS,
        crate::logic::FUNCTIONS,
        crate::conditional::FUNCTIONS,
        crate::encode::FUNCTIONS,
        crate::type_name::FUNCTIONS,
        crate::constraint::FUNCTIONS,
    ];
    [
        SINGLE,
        crate::text::FUNCTIONS,
        crate::pattern::FUNCTIONS,
        crate::math::FUNCTIONS,
        crate::time::FUNCTIONS,
        crate::collection::FUNCTIONS,
        crate::json::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
    .copied()
    .flatten()
}
