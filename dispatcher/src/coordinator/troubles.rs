//! What nodes find wrong with themselves: they get no work, and an operator can read why.

use std::collections::HashMap;

use easel_domain::NodeId;
use easel_domain::message::{Heartbeat, NodeTrouble};

use crate::metric;

/// Nodes in trouble, each told of once for each trouble.
#[derive(Debug, Default)]
pub(super) struct Troubles(HashMap<NodeId, NodeTrouble>);

impl Troubles {
    /// A node speaks. The scheduler hears the same words and offers it nothing.
    pub fn heard(&mut self, beat: &Heartbeat) {
        let node = &beat.from.node;
        match &beat.trouble {
            None => {
                if self.0.remove(node).is_some() {
                    tracing::info!(node.id = %node, "node {node} is well again");
                }
            }
            Some(trouble) => {
                let before = self.0.insert(node.clone(), trouble.clone());
                if before.is_none_or(|before| before.kind != trouble.kind) {
                    let kind = trouble.kind.as_str();
                    metrics::counter!(metric::NODE_TROUBLES, "kind" => kind).increment(1);
                    tracing::error!(node.id = %node, kind, "node {node} gets no work: {}", trouble.message);
                }
            }
        }
    }
}
