//! When the next gateway session may begin, over all processes: Discord lets shards of the same remainder begin only some
//! seconds apart.

use std::time::Duration;

use crate::error::StoreError;
use crate::pool::Store;

impl Store {
    /// Takes the turn of a bucket and closes it for `pause`. Where it is closed: how long it still is.
    pub async fn take_identify_turn(
        &self,
        bucket: u32,
        pause: Duration,
    ) -> Result<Option<Duration>, StoreError> {
        let bucket = i32::try_from(bucket).unwrap_or(i32::MAX);
        let connection = self.connection().await?;
        let taken = connection
            .execute(
                "-- identify::take_identify_turn\n\
                 INSERT INTO identify_slots AS s (bucket, free_at) VALUES ($1, now() + make_interval(secs => $2))
                 ON CONFLICT (bucket) DO UPDATE SET free_at = excluded.free_at WHERE s.free_at <= now()",
                &[
                    /* bucket */ &bucket,
                    /* pause in seconds */ &pause.as_secs_f64(),
                ],
            )
            .await?;
        if taken == 1 {
            return Ok(None);
        }
        let left: f64 = connection
            .query_one(
                "-- identify::time_to_identify\n\
                 SELECT greatest(0, extract(epoch FROM free_at - clock_timestamp()))::float8
                 FROM identify_slots WHERE bucket = $1",
                &[/* bucket */ &bucket],
            )
            .await?
            .get(0);
        Ok(Some(Duration::try_from_secs_f64(left).unwrap_or(pause)))
    }

    /// A session of the bucket begins now: the next one is `pause` away, whenever the turn was taken.
    pub async fn note_identify(&self, bucket: u32, pause: Duration) -> Result<(), StoreError> {
        self.connection()
            .await?
            .execute(
                "-- identify::note_identify\n\
                 INSERT INTO identify_slots AS s (bucket, free_at) VALUES ($1, now() + make_interval(secs => $2))
                 ON CONFLICT (bucket) DO UPDATE SET free_at = greatest(s.free_at, excluded.free_at)",
                &[
                    /* bucket */ &i32::try_from(bucket).unwrap_or(i32::MAX),
                    /* pause in seconds */ &pause.as_secs_f64(),
                ],
            )
            .await?;
        Ok(())
    }
}
