//! Keeps the lasting part of the world in a directory: `world.json`, written anew after changes, and `files/ID`.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::server::Shared;
use crate::snowflake::Snowflake;
use crate::world::Snapshot;

/// The least time between two writes.
const PAUSE: Duration = Duration::from_millis(300);

/// A directory with a world in it.
pub(crate) struct Storage {
    root: PathBuf,
    /// Files known to be on disk.
    written: BTreeSet<Snowflake>,
    /// `world.json` as last written, so that what is no change to it is not written again.
    last: Vec<u8>,
}

impl Storage {
    /// Opens the directory, making it if it is missing, and reads what lies there.
    pub(crate) async fn open(root: &Path) -> io::Result<(Self, Option<Snapshot>)> {
        tokio::fs::create_dir_all(root.join("files")).await?;
        let mut storage = Self {
            root: root.to_owned(),
            written: BTreeSet::new(),
            last: Vec::new(),
        };
        let snapshot = match tokio::fs::read(storage.world_file()).await {
            Ok(bytes) => Some(storage.parse(&bytes).await?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok((storage, snapshot))
    }

    async fn parse(&mut self, bytes: &[u8]) -> io::Result<Snapshot> {
        let mut snapshot: Snapshot = serde_json::from_slice(bytes).map_err(|error| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{}: {error}", self.world_file().display()),
            )
        })?;
        for (id, attachment) in &mut snapshot.attachments {
            attachment.bytes = tokio::fs::read(self.file(*id)).await?.into();
            self.written.insert(*id);
        }
        Ok(snapshot)
    }

    fn world_file(&self) -> PathBuf {
        self.root.join("world.json")
    }

    fn file(&self, id: Snowflake) -> PathBuf {
        self.root.join("files").join(id.to_string())
    }

    /// Writes after every change until the server stops, and once more then.
    pub(crate) async fn run(mut self, shared: Arc<Shared>) {
        let mut news = shared.changes();
        loop {
            let is_last = tokio::select! {
                () = shared.stop.cancelled() => true,
                changed = news.changed() => changed.is_err(),
            };
            let snapshot = shared.snapshot();
            news.borrow_and_update();
            if let Err(error) = self.save(&snapshot).await {
                tracing::warn!(%error, "keep the world's state");
            }
            if is_last {
                return;
            }
            tokio::select! {
                () = shared.stop.cancelled() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    async fn save(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        for (id, attachment) in &snapshot.attachments {
            if !self.written.contains(id) {
                tokio::fs::write(self.file(*id), &attachment.bytes).await?;
                self.written.insert(*id);
            }
        }
        let world = serde_json::to_vec(snapshot)?;
        if world == self.last {
            return Ok(());
        }
        let half = self.root.join("world.json.new");
        tokio::fs::write(&half, &world).await?;
        tokio::fs::rename(&half, self.world_file()).await?;
        self.last = world;
        // Only when nothing refers to a file any more may it go.
        let gone: Vec<Snowflake> = self
            .written
            .iter()
            .copied()
            .filter(|id| !snapshot.attachments.contains_key(id))
            .collect();
        for id in gone {
            tokio::fs::remove_file(self.file(id)).await?;
            self.written.remove(&id);
        }
        Ok(())
    }
}
