-- Looking through one's own jobs: what somebody searches for is kept, so that a page carries nothing but its place.

CREATE TABLE searches (
    no         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users (id),
    words      text NOT NULL,
    actions    text[],
    model_id   text,
    from_id    uuid,
    until_id   uuid,
    created_at timestamptz NOT NULL
);
CREATE INDEX searches_age ON searches (created_at);
COMMENT ON TABLE searches IS 'What the pages of a /history show. Erased after a day.';
COMMENT ON COLUMN searches.no IS 'Key; the buttons carry it.';
COMMENT ON COLUMN searches.user_id IS 'Who searches, and whose jobs are shown.';
COMMENT ON COLUMN searches.words IS 'Words that prompts must hold, with spaces between; empty for any.';
COMMENT ON COLUMN searches.actions IS 'Kinds of job, easel_domain::spec::Action; null for any.';
COMMENT ON COLUMN searches.model_id IS 'The model; null for any.';
COMMENT ON COLUMN searches.from_id IS 'The least id of a job of the first day; null for none.';
COMMENT ON COLUMN searches.until_id IS 'The least id of a job after the last day; null for none.';
COMMENT ON COLUMN searches.created_at IS 'When.';

-- What became of a picture is asked for with its job.
CREATE INDEX jobs_by_parent ON jobs (parent_job_id, id) WHERE parent_job_id IS NOT NULL;
