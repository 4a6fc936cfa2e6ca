//! A pattern as an automaton: states, and edges that take a row or go on without one.
//!
//! It is Flink's (`NFACompiler`), state by state and edge by edge, because which matches come out depends on it: a greedy variable is not
//! one that gives back; it is one whose followers must not take a row that it could take itself. So the edges of the state behind it get
//! one more test, whoever walks over them.

use irmak_common::match_spec::PatternVariable;

/// The automaton of one pattern.
#[derive(Debug)]
pub(super) struct Automaton {
    states: Vec<State>,
    pub(super) start: usize,
}

/// The state behind the last variable.
pub(super) const END: usize = 0;

#[derive(Debug, Default)]
struct State {
    edges: Vec<Edge>,
    /// The variables whose conditions decide what may happen here.
    asked: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Edge {
    /// The variable that takes the row; `None`: no row is taken.
    takes: Option<usize>,
    target: usize,
    /// Variables whose conditions must hold, or must not.
    tests: Vec<(usize, bool)>,
}

impl Edge {
    fn open(&self, holds: &impl Fn(usize) -> bool) -> bool {
        self.tests.iter().all(|&(variable, wanted)| holds(variable) == wanted)
    }
}

/// A row taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// By this variable.
    pub(super) variable: usize,
    /// The state that comes of it.
    pub(super) target: usize,
    /// Whether the pattern is complete with it.
    pub(super) complete: bool,
}

impl Automaton {
    /// The automaton of a pattern. No variables: it never takes anything.
    pub(super) fn new(pattern: &[PatternVariable]) -> Self {
        let mut automaton = Self { states: vec![State::default()], start: END };
        for (at, variable) in pattern.iter().enumerate().rev() {
            automaton.start = automaton.variable(at, variable, automaton.start);
        }
        for state in 0..automaton.states.len() {
            automaton.states[state].asked = automaton.asked_at(state);
        }
        automaton
    }

    /// How many states there are.
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// The variables whose conditions [`Self::steps`] may ask for in this state.
    pub(super) fn asked(&self, state: usize) -> &[usize] {
        self.states.get(state).map_or(&[], |state| &state.asked)
    }

    /// What can happen to a row in this state, in Flink's order. `holds`: whether the row meets a variable's condition.
    pub(super) fn steps(&self, state: usize, holds: impl Fn(usize) -> bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut open = vec![state];
        while let Some(state) = open.pop() {
            for edge in self.states[state].edges.iter().filter(|edge| edge.open(&holds)) {
                match edge.takes {
                    None => open.push(edge.target),
                    Some(variable) => {
                        let complete = edge.target == END || self.reaches_end(edge.target, &holds);
                        steps.push(Step { variable, target: edge.target, complete });
                    }
                }
            }
        }
        steps
    }

    fn reaches_end(&self, state: usize, holds: &impl Fn(usize) -> bool) -> bool {
        let mut open = vec![state];
        while let Some(state) = open.pop() {
            for edge in self.states[state].edges.iter().filter(|edge| edge.takes.is_none() && edge.open(holds)) {
                if edge.target == END {
                    return true;
                }
                open.push(edge.target);
            }
        }
        false
    }

    /// The states of one variable before `behind`; the first of them.
    fn variable(&mut self, at: usize, variable: &PatternVariable, behind: usize) -> usize {
        let optional = variable.min == 0;
        let least = variable.min.max(1);
        // `B?`, `B{n}` are never greedy, as in Flink.
        let greedy = variable.greedy && variable.max.is_none_or(|most| most != least);
        let mut next = behind;
        match variable.max {
            None => {
                next = self.add(vec![Edge { takes: None, target: behind, tests: Vec::new() }]);
                if greedy {
                    self.leave_to(at, behind);
                }
                let again = Edge { takes: Some(at), target: next, tests: vec![(at, true)] };
                self.states[next].edges.push(again);
            }
            Some(most) => {
                if greedy {
                    self.leave_to(at, behind);
                }
                for _ in least..most {
                    next = self.single(at, next, Some(behind));
                }
            }
        }
        for _ in 1..least {
            next = self.single(at, next, None);
        }
        self.single(at, next, optional.then_some(behind))
    }

    /// A state that takes one row, or, where it may be left out, goes on to `without`.
    fn single(&mut self, at: usize, target: usize, without: Option<usize>) -> usize {
        let mut edges = vec![Edge { takes: Some(at), target, tests: vec![(at, true)] }];
        edges.extend(without.map(|target| Edge { takes: None, target, tests: Vec::new() }));
        self.add(edges)
    }

    fn add(&mut self, edges: Vec<Edge>) -> usize {
        self.states.push(State { edges, asked: Vec::new() });
        self.states.len() - 1
    }

    /// What a greedy variable can take, the state behind it must not.
    fn leave_to(&mut self, greedy: usize, behind: usize) {
        self.states[behind].edges.iter_mut().for_each(|edge| edge.tests.push((greedy, false)));
    }

    fn asked_at(&self, state: usize) -> Vec<usize> {
        let (mut open, mut seen) = (vec![(state, true)], Vec::new());
        let mut asked = Vec::new();
        while let Some((state, takes)) = open.pop() {
            if seen.contains(&(state, takes)) {
                continue;
            }
            seen.push((state, takes));
            for edge in self.states[state].edges.iter().filter(|edge| takes || edge.takes.is_none()) {
                asked.extend(edge.tests.iter().map(|(variable, _)| *variable));
                open.push((edge.target, takes && edge.takes.is_none()));
            }
        }
        asked.sort_unstable();
        asked.dedup();
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `A`, `B?`, `C+`, `D*?`, `E{2,3}` and so on: a name, and a quantifier.
    fn pattern(text: &str) -> Vec<PatternVariable> {
        text.split_whitespace()
            .map(|word| {
                let (name, quantifier) = word.split_at(1);
                let reluctant = quantifier.len() > 1 && quantifier.ends_with('?');
                let bare = if reluctant { &quantifier[..quantifier.len() - 1] } else { quantifier };
                let (min, max) = match bare {
                    "" => (1, Some(1)),
                    "?" => (0, Some(1)),
                    "*" => (0, None),
                    "+" => (1, None),
                    range => {
                        let (from, to) = range.trim_matches(['{', '}']).split_once(',').unwrap();
                        (from.parse().unwrap(), to.parse().ok())
                    }
                };
                PatternVariable { name: name.into(), min, max, greedy: !reluctant, condition: None }
            })
            .collect()
    }

    /// The targets' numbers say little; the taking variables and completeness say all.
    fn check(text: &str, path: &[usize], holds: &[usize], expected: &[(usize, bool)]) {
        let automaton = Automaton::new(&pattern(text));
        let mut state = automaton.start;
        for wanted in path {
            let steps = automaton.steps(state, |variable| variable == *wanted);
            state = steps.iter().find(|step| step.variable == *wanted).unwrap().target;
        }
        let steps = automaton.steps(state, |variable| holds.contains(&variable));
        assert_eq!(steps.iter().map(|step| (step.variable, step.complete)).collect::<Vec<_>>(), expected, "{text} {path:?} {holds:?}");
    }

    #[test]
    fn a_row_is_taken_by_whoever_can_and_comes_next() {
        check("A B C", &[], &[0, 1, 2], &[(0, false)]);
        check("A B C", &[0], &[0, 1, 2], &[(1, false)]);
        check("A B C", &[0, 1], &[2], &[(2, true)]);
        check("A B C", &[0, 1], &[0, 1], &[]);
    }

    #[test]
    fn a_greedy_variable_leaves_nothing_that_it_can_take() {
        check("A B* C", &[0], &[1, 2], &[(1, false)]);
        check("A B* C", &[0], &[2], &[(2, true)]);
        check("A B{2,3} C", &[0, 1, 1], &[1, 2], &[(1, false)]);
        // After its last row it could still take the next one, so C gets nothing.
        check("A B{2,3} C", &[0, 1, 1, 1], &[1, 2], &[]);
        check("A B{2,3} C", &[0, 1, 1, 1], &[2], &[(2, true)]);
    }

    #[test]
    fn a_reluctant_or_optional_variable_and_its_follower_both_take_a_row() {
        check("A B*? C", &[0], &[1, 2], &[(1, false), (2, true)]);
        check("A B? C", &[0], &[1, 2], &[(1, false), (2, true)]);
        check("A B{2,2} C", &[0, 1], &[1, 2], &[(1, false)]);
        check("A B{1,2}? C", &[0, 1], &[1, 2], &[(1, false), (2, true)]);
    }

    #[test]
    fn a_pattern_that_ends_in_what_may_be_left_out_is_complete_without_it() {
        check("A B?", &[], &[0], &[(0, true)]);
        check("A B*?", &[], &[0], &[(0, true)]);
        check("A B+?", &[0], &[1], &[(1, true)]);
        check("A B* C?", &[], &[0], &[(0, true)]);
        // Flink asks B of the very row that A takes.
        check("A B* C?", &[], &[0, 1], &[(0, false)]);
    }
}
