//! One decision tree as it is kept and written.
//!
//! Nodes stand in the order in which a depth-first walk meets them, left before right. A node's
//! left child is then the next one, and its right child the first behind the left one's tree:
//! which nodes are leaves says all of a tree's shape, and there is no index in a file that could
//! be wrong.

use datarust::tree::TreeStructure;

/// A node: an inner one sends a row to the left where its feature is at most `value`; a leaf
/// gives P(real) = `value`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node {
    /// Which feature; [`LEAF`] of a leaf.
    pub feature: u32,
    /// Where the right child stands; not used in a leaf.
    right: u32,
    /// Threshold or P(real).
    pub value: f64,
}

/// The feature of a leaf.
pub const LEAF: u32 = u32::MAX;

/// A tree that is whole: every inner node has both children, which stand behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    /// The tree of `nodes` (feature, value) in depth-first order. `None` if they are not one
    /// whole tree, or a feature is not below `features`, a threshold not finite, a P(real) not
    /// from 0 to 1.
    pub fn new(nodes: impl Iterator<Item = (u32, f64)>, features: usize) -> Option<Tree> {
        let mut all: Vec<Node> = Vec::new();
        // Inner nodes whose right child has not come yet.
        let mut open: Vec<usize> = Vec::new();
        for (feature, value) in nodes {
            let at = u32::try_from(all.len()).ok().filter(|at| *at < LEAF)?;
            if all.last().is_some_and(|before| before.feature == LEAF) {
                all[open.pop()?].right = at;
            }
            let fits = match feature {
                LEAF => (0.0..=1.0).contains(&value),
                inner => {
                    open.push(all.len());
                    (inner as usize) < features && value.is_finite()
                }
            };
            if !fits {
                return None;
            }
            all.push(Node {
                feature,
                right: at,
                value,
            });
        }
        let ends = all.last().is_some_and(|last| last.feature == LEAF);
        (ends && open.is_empty()).then_some(Tree { nodes: all })
    }

    /// The shape of a tree that datarust has grown, every leaf's P(real) still 0. Its node
    /// numbers are scikit-learn's, which are those of a depth-first walk.
    pub fn shape_of(grown: &TreeStructure, features: usize) -> Option<Tree> {
        let node = |at| match (grown.node_feature(at), grown.node_threshold(at)) {
            (Some(feature), Some(threshold)) => (feature as u32, threshold),
            _ => (LEAF, 0.0),
        };
        Tree::new((0..grown.n_nodes()).map(node), features)
    }

    /// The nodes in depth-first order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Sets P(real) of a leaf.
    pub fn set_leaf(&mut self, leaf: usize, p: f64) {
        debug_assert!(self.nodes[leaf].feature == LEAF);
        self.nodes[leaf].value = p;
    }

    /// The leaf that a row of finite features comes to.
    pub fn leaf(&self, row: &[f32]) -> usize {
        let mut at = 0;
        loop {
            let node = &self.nodes[at];
            if node.feature == LEAF {
                return at;
            }
            at = match f64::from(row[node.feature as usize]) <= node.value {
                true => at + 1,
                false => node.right as usize,
            };
        }
    }

    /// P(real) of a row.
    pub fn p(&self, row: &[f32]) -> f64 {
        self.nodes[self.leaf(row)].value
    }
}

#[cfg(test)]
mod tests {
    use super::{LEAF, Tree};

    #[test]
    fn only_whole_trees_are_trees() {
        let leaf = (LEAF, 0.25);
        let inner = (0, 1.5);
        let made = |nodes: &[(u32, f64)]| Tree::new(nodes.iter().copied(), 1);
        assert!(made(&[]).is_none(), "nothing");
        assert!(made(&[inner]).is_none(), "no children");
        assert!(made(&[inner, leaf]).is_none(), "no right child");
        assert!(made(&[leaf, leaf]).is_none(), "a node too many");
        assert!(
            made(&[inner, leaf, leaf, leaf]).is_none(),
            "a node too many"
        );
        assert!(made(&[(1, 1.5), leaf, leaf]).is_none(), "no such feature");
        assert!(
            made(&[(0, f64::NAN), leaf, leaf]).is_none(),
            "a threshold that is none"
        );
        assert!(made(&[(LEAF, 1.5)]).is_none(), "no probability");
        assert!(made(&[leaf]).is_some(), "a leaf alone");
        let tree = made(&[inner, (0, 0.5), leaf, (LEAF, 0.5), (LEAF, 1.0)]).expect("whole");
        let p = [-1.0, 0.5, 1.0, 1.5, 2.0].map(|x| tree.p(&[x]));
        assert_eq!(p, [0.25, 0.25, 0.5, 0.5, 1.0]);
    }
}
