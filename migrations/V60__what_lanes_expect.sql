-- What the leader of a lane expects, for whoever asks before there is a job.

ALTER TABLE lane_snapshots ADD COLUMN waits jsonb NOT NULL DEFAULT '{}';
ALTER TABLE lane_snapshots ADD COLUMN steps jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN lane_snapshots.waits IS 'By service class: seconds until a job that comes now should start. Absent: nobody knows.';
COMMENT ON COLUMN lane_snapshots.steps IS 'Seconds of one step by itself on an average node, by model, size and pictures.';
