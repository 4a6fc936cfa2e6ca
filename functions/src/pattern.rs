//! Patterns: LIKE, SIMILAR TO, and Java's regular expressions.
//!
//! A constant pattern is compiled once, others are remembered. Java's expressions run on `fancy-regex`, which knows look-around and
//! back references. Not supported: a match inside a surrogate pair, except by the empty pattern.

mod java;
mod like;
mod regexp;
mod similar;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::function::Function;

pub(crate) const FUNCTIONS: &[&[Function]] = &[like::FUNCTIONS, regexp::FUNCTIONS];

/// Patterns that are remembered, at most.
const CACHE_MAX: usize = 64;

/// Java's expression as ours; `None` where it is none.
pub(crate) fn java_regex(pattern: &str) -> Option<fancy_regex::Regex> {
    java::compile(pattern).ok()
}

/// Compiled patterns by their text.
pub(crate) struct Cache<T> {
    known: Mutex<HashMap<String, Arc<T>>>,
    make: Box<dyn Fn(&str) -> T + Send + Sync>,
}

impl<T> Cache<T> {
    pub(crate) fn new(make: impl Fn(&str) -> T + Send + Sync + 'static) -> Self {
        Self { known: Mutex::new(HashMap::new()), make: Box::new(make) }
    }

    /// What was made of the pattern, now or before.
    pub(crate) fn get(&self, pattern: &str) -> Arc<T> {
        // A poisoned lock holds patterns all the same: nothing is half-made in it.
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(found) = known.get(pattern) {
            return found.clone();
        }
        if known.len() >= CACHE_MAX {
            known.clear();
        }
        let made = Arc::new((self.make)(pattern));
        known.insert(pattern.to_owned(), made.clone());
        made
    }
}
