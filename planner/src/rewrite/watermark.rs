//! Where rows ask for the watermark (`CURRENT_WATERMARK`), it goes out right behind the row that moves it, not at its batch's end.

use irmak_common::expr::{Expr, ExprNode};

use crate::algebra::{Rel, RelNode, Root};

/// All watermarks of the job made exact where any of its rows ask.
pub(crate) fn exact(roots: Vec<Root>) -> Vec<Root> {
    let mut asked = false;
    let roots: Vec<Root> = roots.into_iter().map(|root| Root { rel: look(root.rel, &mut asked), ..root }).collect();
    if !asked {
        return roots;
    }
    roots.into_iter().map(|root| Root { rel: mark(root.rel), ..root }).collect()
}

fn look(rel: Rel, asked: &mut bool) -> Rel {
    *asked |= match &rel.node {
        RelNode::Project { exprs, .. } => exprs.iter().any(asks),
        RelNode::Filter { predicate, .. } => asks(predicate),
        _ => false,
    };
    rel.over(&mut |input| look(input, asked))
}

fn asks(expr: &Expr) -> bool {
    let here = matches!(&expr.node, ExprNode::Call { function, .. } if function == "CURRENT_WATERMARK");
    here || expr.children().into_iter().any(asks)
}

fn mark(rel: Rel) -> Rel {
    let mut rel = rel.over(&mut mark);
    if let RelNode::Watermark { spec, .. } = &mut rel.node {
        spec.exact = true;
    }
    rel
}
