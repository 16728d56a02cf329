-- Objects that nothing refers to any more are deleted from the store.

CREATE TABLE garbage (
    key          text PRIMARY KEY,
    noticed_at   timestamptz NOT NULL DEFAULT now(),
    collected_at timestamptz
);
CREATE INDEX garbage_due ON garbage (noticed_at);
COMMENT ON TABLE garbage IS 'Objects that may be garbage: let go of with a result, or granted to a lease that came to nothing. Looked at again before they are deleted.';
COMMENT ON COLUMN garbage.key IS 'Object key.';
COMMENT ON COLUMN garbage.noticed_at IS 'When it was noticed, or last found to be spoken for.';
COMMENT ON COLUMN garbage.collected_at IS 'Set before the object is deleted: from then on no result may refer to it, until the row is gone.';

-- Whether somebody may be about to store an object.
CREATE INDEX upload_grants_by_key ON upload_grants USING hash (key);
COMMENT ON TABLE upload_grants IS 'Files that a lease may write, until its job has ended and they are settled. An object that no picture refers to is garbage and is found through this table.';

-- What was let go of before anybody collected it.
INSERT INTO garbage (key) SELECT key FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM job_files f WHERE f.blob_key = b.key);
