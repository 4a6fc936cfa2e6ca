//! Operators to vertices: an operator joins the chain before it where rows need not change hands.

use irmak_common::id::VertexId;
use irmak_common::job_graph::{Edge, OperatorNode, Partitioning, Vertex};
use irmak_common::operator_spec::OperatorSpec;

use super::Plan;

impl Plan {
    /// Vertices and edges: an operator joins the chain before it where rows need not change hands.
    pub(crate) fn vertices(self) -> (Vec<Vertex>, Vec<Edge>) {
        let consumers = |node: usize| self.nodes.iter().flat_map(|other| &other.inputs).filter(|(input, _)| *input == node).count();
        let mut vertex_of: Vec<usize> = Vec::with_capacity(self.nodes.len());
        let mut chains: Vec<Vec<usize>> = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let chained = match &node.inputs[..] {
                [(input, Partitioning::Forward)] if self.chaining && consumers(*input) == 1 && node.spec != OperatorSpec::Union => {
                    Some(vertex_of[*input])
                }
                _ => None,
            };
            match chained {
                Some(vertex) => chains[vertex].push(at),
                None => chains.push(vec![at]),
            }
            vertex_of.push(chained.unwrap_or(chains.len() - 1));
        }
        let ids = self.ids(&chains, &vertex_of);
        let mut edges = Vec::new();
        for (vertex, chain) in chains.iter().enumerate() {
            let first = &self.nodes[chain[0]];
            let is_join = matches!(first.spec, OperatorSpec::Join(_));
            for (number, (input, partitioning)) in first.inputs.iter().enumerate() {
                let input_number = if is_join { number as u32 } else { 0 };
                let (source, target) = (ids[vertex_of[*input]], ids[vertex]);
                edges.push(Edge { source, target, input: input_number, partitioning: partitioning.clone() });
            }
        }
        let vertices = chains.iter().zip(&ids).map(|(chain, id)| self.vertex(chain, *id)).collect();
        (vertices, edges)
    }

    fn ids(&self, chains: &[Vec<usize>], vertex_of: &[usize]) -> Vec<VertexId> {
        let mut ids: Vec<VertexId> = Vec::with_capacity(chains.len());
        for (position, chain) in chains.iter().enumerate() {
            let mut text = String::new();
            for (input, partitioning) in &self.nodes[chain[0]].inputs {
                text.push_str(&format!("{} {partitioning:?}\n", ids[vertex_of[*input]]));
            }
            for at in chain {
                text.push_str(&self.nodes[*at].description);
                text.push('\n');
            }
            // Twins (the same rows written twice to one table) differ by their place.
            let mut id = VertexId::of_text(&text);
            if ids.contains(&id) {
                id = VertexId::of_text(&format!("{text}{position}"));
            }
            ids.push(id);
        }
        ids
    }

    fn vertex(&self, chain: &[usize], id: VertexId) -> Vertex {
        let nodes: Vec<OperatorNode> = chain
            .iter()
            .map(|at| {
                let node = &self.nodes[*at];
                OperatorNode {
                    id: *at as u32 + 1,
                    name: node.name.clone(),
                    description: node.description.clone(),
                    spec: node.spec.clone(),
                    output: node.output.clone(),
                }
            })
            .collect();
        let named = |node: &OperatorNode| match node.spec {
            OperatorSpec::Sink(_) | OperatorSpec::Collect => node.name.clone(),
            _ => format!("{}[{}]", node.name, node.id),
        };
        let name = nodes.iter().map(named).collect::<Vec<_>>().join(" -> ");
        let parallelism = chain.first().map_or(1, |at| self.nodes[*at].parallelism);
        Vertex { id, name, parallelism, chain: nodes }
    }
}
