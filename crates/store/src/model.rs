//! Models that nodes have announced.

use easel_domain::message::NodeModel;
use easel_domain::model::{ModelProfile, ModelRef};

use crate::error::StoreError;
use crate::pool::Store;
use crate::row::json;

/// A model that takes jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveModel {
    /// Name and weights.
    pub model: ModelRef,
    /// What it can do.
    pub profile: ModelProfile,
}

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

    /// The models that take jobs, the newest weights of each name, the most recently announced name first.
    pub async fn active_models(&self) -> Result<Vec<ActiveModel>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- model::active_models\n\
                 SELECT id, hash, profile FROM (
                     SELECT DISTINCT ON (id) id, hash, profile, first_seen FROM models
                     WHERE state = 'active' ORDER BY id, first_seen DESC) newest
                 ORDER BY first_seen DESC, id",
                &[],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ActiveModel {
                    model: ModelRef {
                        id: row.get("id"),
                        hash: row.get("hash"),
                    },
                    profile: json(row, "profile")?,
                })
            })
            .collect()
    }
}
