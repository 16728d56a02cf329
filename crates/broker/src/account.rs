//! The account of one node: its inbox, its routing keys, nothing else.

use easel_domain::NodeId;
use secrecy::SecretString;

use crate::management::{Management, ManagementError, Permissions, TopicPermissions};
use crate::names::{Lane, Names};

/// The rights of one node, as the broker checks them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRights {
    /// Rights in the vhost: declare and read its own inboxes, write to the nodes' exchange.
    pub permissions: Permissions,
    /// Rights on the nodes' exchange: its own two keys.
    pub topic: TopicPermissions,
}

impl NodeRights {
    /// What `node` may do in `lane`.
    pub fn of(names: &Names, lane: &Lane, node: &NodeId) -> Self {
        let prefix = literal(names.prefix());
        let inbox = format!(
            "^{prefix}node\\.{}\\.[0-9a-f-]+$",
            literal(&node.to_string())
        );
        let keys = format!(
            "^(done|live)\\.{}\\.{}$",
            literal(&lane.to_string()),
            literal(&node.to_string())
        );
        let exchange = names.nodes_exchange();
        Self {
            permissions: Permissions {
                configure: inbox.clone(),
                write: format!("^{}$", literal(&exchange)),
                read: inbox,
            },
            topic: TopicPermissions {
                exchange,
                write: keys,
                read: NOTHING.into(),
            },
        }
    }
}

/// Matches no name that is in use.
const NOTHING: &str = "^$";

/// The account name of a node.
pub fn node_user(names: &Names, node: &NodeId) -> String {
    format!("{}node.{node}", names.prefix())
}

/// Creates (or resets) the account of a node with exactly its rights. The exchange need not exist yet.
///
/// # Errors
/// The management interface refused or did not answer.
pub async fn create_node_account(
    management: &Management,
    vhost: &str,
    names: &Names,
    lane: &Lane,
    node: &NodeId,
    password: &SecretString,
) -> Result<String, ManagementError> {
    let user = node_user(names, node);
    let rights = NodeRights::of(names, lane, node);
    management.create_user(&user, password).await?;
    management
        .set_topic_permissions(vhost, &user, &rights.topic)
        .await?;
    // Last: before it the account can do nothing in the vhost.
    management
        .set_permissions(vhost, &user, &rights.permissions)
        .await?;
    Ok(user)
}

/// `text` as a regular expression that matches only itself.
fn literal(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, c| {
        if !c.is_ascii_alphanumeric() && c != '-' && c != '_' {
            escaped.push('\\');
        }
        escaped.push(c);
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_in_names_match_only_dots() {
        let rights = NodeRights::of(
            &Names::new("t.").unwrap(),
            &Lane::new("eu", "main").unwrap(),
            &"gpu-7".parse().unwrap(),
        );
        assert_eq!(
            rights.permissions.configure,
            r"^t\.node\.gpu-7\.[0-9a-f-]+$"
        );
        assert_eq!(rights.permissions.write, r"^t\.easel\.nodes$");
        assert_eq!(rights.topic.write, r"^(done|live)\.eu\.main\.gpu-7$");
    }
}
