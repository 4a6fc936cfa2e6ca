//! A plan as a tree of lines, drawn as Flink draws it: `+-` before the last input of an operator, `:-` before those above it.

/// An operator, told in a line, over its inputs.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) line: String,
    pub(crate) inputs: Vec<Tree>,
}

impl Tree {
    /// The same as the only input of another operator.
    pub(crate) fn under(self, line: String) -> Self {
        Self { line, inputs: vec![self] }
    }

    /// The lines, each ended.
    pub(crate) fn draw(&self) -> String {
        let mut out = format!("{}\n", self.line);
        self.branches("", &mut out);
        out
    }

    fn branches(&self, margin: &str, out: &mut String) {
        for (number, input) in self.inputs.iter().enumerate() {
            let last = number + 1 == self.inputs.len();
            let (branch, beside) = if last { ("+- ", "   ") } else { (":- ", ":  ") };
            out.push_str(&format!("{margin}{branch}{}\n", input.line));
            input.branches(&format!("{margin}{beside}"), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inputs_of_a_join_hang_on_one_line() {
        let leaf = |line: &str| Tree { line: line.into(), inputs: Vec::new() };
        let join = Tree { line: "Join".into(), inputs: vec![leaf("a").under("Exchange".into()), leaf("b").under("Calc".into())] };
        let expected = "Sink\n+- Join\n   :- Exchange\n   :  +- a\n   +- Calc\n      +- b\n";
        assert_eq!(join.under("Sink".into()).draw(), expected);
    }
}
