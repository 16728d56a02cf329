-- Several jobs from one prompt: they are proposed with their price, and run when their author has agreed.

CREATE TABLE proposals (
    id             uuid PRIMARY KEY,
    interaction_id bigint NOT NULL UNIQUE,
    user_id        uuid NOT NULL REFERENCES users (id),
    guild_id       bigint,
    channel_id     bigint NOT NULL,
    words          text,
    jobs           smallint NOT NULL CHECK (jobs > 1),
    price          bigint NOT NULL CHECK (price >= 0),
    state          text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'declined', 'expired')),
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    CHECK (state = 'open' OR words IS NULL)
);
CREATE INDEX proposals_open ON proposals (expires_at) WHERE state = 'open';
COMMENT ON TABLE proposals IS 'Several jobs that somebody has asked for at once and not yet agreed to.';
COMMENT ON COLUMN proposals.id IS 'Key; the buttons carry it.';
COMMENT ON COLUMN proposals.interaction_id IS 'What it was asked by.';
COMMENT ON COLUMN proposals.user_id IS 'Who asked, and who alone may agree.';
COMMENT ON COLUMN proposals.guild_id IS 'Where; null in direct messages.';
COMMENT ON COLUMN proposals.channel_id IS 'Where the messages of the jobs will be.';
COMMENT ON COLUMN proposals.words IS 'The prompt as typed; erased as soon as it is settled, when each job has its own.';
COMMENT ON COLUMN proposals.jobs IS 'How many jobs it makes.';
COMMENT ON COLUMN proposals.price IS 'Credits for all of them, as shown.';
COMMENT ON COLUMN proposals.state IS 'open until its author agrees (accepted), declines, or lets it expire.';
COMMENT ON COLUMN proposals.created_at IS 'When it was asked for.';
COMMENT ON COLUMN proposals.expires_at IS 'Until when it may be agreed to.';

CREATE TABLE batches (
    id      uuid PRIMARY KEY REFERENCES proposals (id),
    user_id uuid NOT NULL REFERENCES users (id),
    jobs    smallint NOT NULL CHECK (jobs > 1),
    at      timestamptz NOT NULL
);
COMMENT ON TABLE batches IS 'Several jobs that were agreed to and submitted in one transaction.';
COMMENT ON COLUMN batches.id IS 'Key: that of what was agreed to, so it can be agreed to once.';
COMMENT ON COLUMN batches.user_id IS 'Whose.';
COMMENT ON COLUMN batches.jobs IS 'How many.';
COMMENT ON COLUMN batches.at IS 'When.';

-- How long pictures usually take is asked before several of them are proposed.
CREATE INDEX jobs_completed ON jobs (model_id, model_hash, action, ended_at DESC) WHERE state = 'completed';

ALTER TABLE jobs ADD COLUMN batch_id uuid REFERENCES batches (id);
COMMENT ON COLUMN jobs.batch_id IS 'The batch that it came with; null for a job by itself. Immutable.';
