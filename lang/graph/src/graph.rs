//! An append-only list of nodes that shares equal ones.

use crate::node::{Node, NodeId};
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;
use std::ops::Index;

/// Lazy arrays, each made of earlier ones. Equal nodes are one node, so a shared expression is computed once.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    /// The places of all nodes, by their hashes.
    known: HashTable<NodeId>,
}

impl Graph {
    /// A graph without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// The node's id; an equal node that is already there is taken instead.
    pub fn add(&mut self, node: Node) -> NodeId {
        let (hash, nodes) = (hash(&node), &self.nodes);
        if let Some(&id) = self.known.find(hash, |id| nodes[id.0 as usize] == node) {
            return id;
        }
        let id = NodeId(u32::try_from(nodes.len()).expect("a graph holds fewer than 2^32 nodes"));
        self.known.insert_unique(hash, id, |id| self::hash(&nodes[id.0 as usize]));
        self.nodes.push(node);
        id
    }

    /// The number of nodes; with [`Graph::truncate`], the mark a failed cell goes back to.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Forgets all nodes from `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.nodes.truncate(len);
        self.known.retain(|id| (id.0 as usize) < len);
    }

    /// All nodes in order.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().enumerate().map(|(i, node)| (NodeId(i as u32), node))
    }

    /// The part that `roots` are made of, and the roots in it.
    pub fn reachable(&self, roots: &[NodeId]) -> (Graph, Vec<NodeId>) {
        let mut wanted = vec![false; self.nodes.len()];
        roots.iter().for_each(|r| wanted[r.0 as usize] = true);
        for i in (0..self.nodes.len()).rev().filter(|&i| !self.nodes[i].kind.inputs().is_empty()) {
            if wanted[i] {
                self.nodes[i].kind.inputs().iter().for_each(|n| wanted[n.0 as usize] = true);
            }
        }
        let (mut part, mut moved) = (Graph::new(), vec![NodeId(0); self.nodes.len()]);
        for (i, node) in self.nodes.iter().enumerate().filter(|(i, _)| wanted[*i]) {
            let inputs: Vec<NodeId> = node.kind.inputs().iter().map(|n| moved[n.0 as usize]).collect();
            moved[i] = part.add(Node { kind: node.kind.with_inputs(&inputs), ..node.clone() });
        }
        let roots = roots.iter().map(|r| moved[r.0 as usize]).collect();
        (part, roots)
    }
}

fn hash(node: &Node) -> u64 {
    FxBuildHasher.hash_one(node)
}

impl Index<NodeId> for Graph {
    type Output = Node;
    fn index(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }
}
