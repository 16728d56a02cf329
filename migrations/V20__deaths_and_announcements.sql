-- A job that brings nodes down is noticed, and new jobs follow the weights that were announced last.

ALTER TABLE jobs ADD COLUMN deaths integer NOT NULL DEFAULT 0 CHECK (deaths >= 0);
COMMENT ON COLUMN jobs.deaths IS 'Node starts that fell silent, or whose engine stopped, while they had this job.';

ALTER TABLE models ADD COLUMN announced_at timestamptz NOT NULL DEFAULT now();
UPDATE models SET announced_at = first_seen;
COMMENT ON COLUMN models.announced_at IS 'When the last node start that has these weights announced them. The active hash that was announced last is used for new jobs.';
COMMENT ON COLUMN models.first_seen IS 'When a node first announced these weights.';

CREATE TABLE model_announcements (
    boot_id      uuid NOT NULL,
    model_id     text NOT NULL,
    hash         text NOT NULL,
    announced_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (boot_id, model_id, hash)
);
CREATE INDEX model_announcements_age ON model_announcements (announced_at);
COMMENT ON TABLE model_announcements IS 'Which node start announced which weights, so that a heartbeat that is heard again after a takeover is no news.';
COMMENT ON COLUMN model_announcements.boot_id IS 'The start of the node.';
COMMENT ON COLUMN model_announcements.model_id IS 'The operator''s name for the model.';
COMMENT ON COLUMN model_announcements.hash IS 'Digest of its files.';
COMMENT ON COLUMN model_announcements.announced_at IS 'When it was first heard.';
