//! Pictures that members gave.

use easel_domain::spec::InputPicture;
use time::OffsetDateTime;

use crate::error::StoreError;
use crate::pool::Store;

impl Store {
    /// Notes an object before it is written. Safe to repeat: the same picture is one object, given once more.
    pub async fn note_input(
        &self,
        picture: &InputPicture,
        size_bytes: u64,
        content_type: &str,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let pixels = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
        self.connection()
            .await?
            .execute(
                "-- input::note_input\n\
                 INSERT INTO inputs (key, sha256, size_bytes, content_type, width, height, given_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (key) DO UPDATE SET given_at = excluded.given_at",
                &[
                    /* key */ &picture.key,
                    /* digest */ &picture.sha256,
                    /* size */ &i64::try_from(size_bytes).unwrap_or(i64::MAX),
                    /* type */ &content_type,
                    /* width */ &pixels(picture.width),
                    /* height */ &pixels(picture.height),
                    /* now */ &now,
                ],
            )
            .await?;
        Ok(())
    }
}
