//! Models that nodes have announced.

use easel_domain::message::NodeModel;

use crate::error::StoreError;
use crate::pool::Store;

impl Store {
    /// Notes a model that a node has announced. A known one keeps its state; its profile follows the node's.
    pub async fn announce_model(&self, announced: &NodeModel) -> Result<(), StoreError> {
        let profile =
            serde_json::to_value(&announced.profile).map_err(|error| StoreError::Corrupt {
                what: "model profile",
                value: error.to_string(),
            })?;
        self.connection()
            .await?
            .execute(
                "-- model::announce_model\n\
                 INSERT INTO models (id, hash, profile) VALUES ($1, $2, $3)
                 ON CONFLICT (id, hash) DO UPDATE SET profile = excluded.profile
                 WHERE models.profile <> excluded.profile",
                &[
                    /* id */ &announced.profile.id,
                    /* hash */ &announced.hash,
                    /* profile */ &profile,
                ],
            )
            .await?;
        Ok(())
    }
}
