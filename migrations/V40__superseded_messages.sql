-- A message that was given up must not be taken for the new one that was posted in its place.

ALTER TABLE deliveries ADD COLUMN superseded_id bigint;
COMMENT ON COLUMN deliveries.superseded_id IS 'The newest message of this job that was given up: of those found after a crash, only newer ones count.';
