-- Jobs that another region takes over.

ALTER TABLE jobs ADD COLUMN home_region text;
COMMENT ON COLUMN jobs.home_region IS 'Where it was asked for, if another region has it now; null while it is at home. A job is handed over once.';
COMMENT ON COLUMN jobs.region IS 'Where it is to run. Changes when its region hands it over, or has no leader and another takes it.';

ALTER TABLE lane_snapshots ADD COLUMN models jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN lane_snapshots.models IS 'Hashes of the weights that its nodes have or can load: what other regions may hand over to it.';
