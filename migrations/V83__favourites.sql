-- What members have marked with a star, and which job a message of ours shows.

CREATE TABLE favourites (
    id      uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    job_id  uuid NOT NULL REFERENCES jobs (id),
    picture smallint CHECK (picture >= 0),
    at      timestamptz NOT NULL
);
CREATE UNIQUE INDEX favourites_once ON favourites (user_id, job_id, coalesce(picture, -1));
CREATE INDEX favourites_by_user ON favourites (user_id, id DESC);
CREATE INDEX favourites_by_job ON favourites (job_id);
COMMENT ON TABLE favourites IS 'What a member has marked with a star: his own pictures and those that others made for everybody.';
COMMENT ON COLUMN favourites.id IS 'Time-ordered; the pages of a list go by it.';
COMMENT ON COLUMN favourites.user_id IS 'Who marked it.';
COMMENT ON COLUMN favourites.job_id IS 'The job.';
COMMENT ON COLUMN favourites.picture IS 'The picture, counted from 0; null for all pictures of a grid together.';
COMMENT ON COLUMN favourites.at IS 'When.';

CREATE TABLE job_messages (
    message_id bigint PRIMARY KEY,
    channel_id bigint NOT NULL,
    job_id     uuid NOT NULL REFERENCES jobs (id)
);
CREATE INDEX job_messages_by_job ON job_messages (job_id);
COMMENT ON TABLE job_messages IS 'Messages that show a job beside its own, such as those of /show and those sent by direct message.';
COMMENT ON COLUMN job_messages.message_id IS 'The message.';
COMMENT ON COLUMN job_messages.channel_id IS 'Where it is.';
COMMENT ON COLUMN job_messages.job_id IS 'The job that it shows.';

-- A reaction names nothing but its message.
CREATE INDEX deliveries_by_message ON deliveries (message_id) WHERE message_id IS NOT NULL;
