-- What a submit decides by, and what it has decided.

ALTER TABLE lane_snapshots ADD COLUMN classes jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN lane_snapshots.classes IS 'By service class: what waits within shares and beyond, what it is served, and the guilds that share it. Absent: nobody knows.';

ALTER TABLE jobs
    ADD COLUMN paid_off_at timestamptz,
    ADD COLUMN quoted_wait_s real;
COMMENT ON COLUMN jobs.paid_off_at IS 'When the share of its member in its lane and class has paid it off. Null: it was asked for beyond his share, or nobody knew.';
COMMENT ON COLUMN jobs.quoted_wait_s IS 'Seconds that the member was told at submit, because it was to start later than his tier promises. Null: he was told nothing.';
