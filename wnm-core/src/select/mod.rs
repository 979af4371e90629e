//! Choosing among nodes. Every order is total: ties go to the higher id.

mod order;

pub use order::{Order, UnknownOrder, Weighed};

use crate::model::NodeId;

/// The first `count` of `candidates` in `order`.
pub fn pick(mut candidates: Vec<Weighed>, order: Order, count: usize) -> Vec<NodeId> {
    candidates.sort_by(|a, b| order.compare(a, b));
    candidates.into_iter().take(count).map(|node| node.id).collect()
}
