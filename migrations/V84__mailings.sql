-- Pictures that are sent to a member by direct message, and results that are deleted.

CREATE TABLE mailings (
    id             uuid PRIMARY KEY,
    job_id         uuid NOT NULL REFERENCES jobs (id),
    user_id        uuid NOT NULL REFERENCES users (id),
    shard          integer NOT NULL,
    locale         text NOT NULL,
    asked_channel  bigint,
    asked_message  bigint,
    asked_at       timestamptz NOT NULL,
    state          text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'sent', 'refused', 'void')),
    channel_id     bigint,
    message_id     bigint,
    post_intent_at timestamptz,
    next_try_at    timestamptz NOT NULL DEFAULT '-infinity',
    failures       integer NOT NULL DEFAULT 0,
    ended_at       timestamptz,
    reason         text,
    UNIQUE (job_id, user_id),
    CHECK ((state = 'open') = (ended_at IS NULL))
);
CREATE INDEX mailings_due ON mailings (shard, next_try_at) WHERE state = 'open';
COMMENT ON TABLE mailings IS 'Pictures of a job that a member wants in his direct messages; sent when the job has ended.';
COMMENT ON COLUMN mailings.id IS 'Key; drawn anew when the same is asked for once more. The message carries it.';
COMMENT ON COLUMN mailings.job_id IS 'The job.';
COMMENT ON COLUMN mailings.user_id IS 'Who gets them: not always whose job it is.';
COMMENT ON COLUMN mailings.shard IS 'The gateway shard whose process sends them.';
COMMENT ON COLUMN mailings.locale IS 'His language as Discord named it last.';
COMMENT ON COLUMN mailings.asked_channel IS 'Where he reacted; null by button, and where he gets everything.';
COMMENT ON COLUMN mailings.asked_message IS 'The message that he reacted to.';
COMMENT ON COLUMN mailings.asked_at IS 'When.';
COMMENT ON COLUMN mailings.state IS 'open until they are sent, refused (he takes no direct messages), or void (the job has no pictures for him).';
COMMENT ON COLUMN mailings.channel_id IS 'His direct messages, once known.';
COMMENT ON COLUMN mailings.message_id IS 'The message, once sent.';
COMMENT ON COLUMN mailings.post_intent_at IS 'Set before the message is posted, so that a restart looks for it first.';
COMMENT ON COLUMN mailings.next_try_at IS 'A pause after a failed try.';
COMMENT ON COLUMN mailings.failures IS 'Failed tries.';
COMMENT ON COLUMN mailings.ended_at IS 'When it was no longer open.';
COMMENT ON COLUMN mailings.reason IS 'Why it was refused or void.';

ALTER TABLE member_settings ADD COLUMN auto_dm boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN member_settings.auto_dm IS 'Whether the pictures of all his jobs are sent to him by direct message.';

CREATE TABLE removals (
    job_id     uuid PRIMARY KEY REFERENCES jobs (id),
    removed_by uuid NOT NULL REFERENCES users (id),
    moderated  boolean NOT NULL,
    at         timestamptz NOT NULL
);
COMMENT ON TABLE removals IS 'Results that are deleted: nothing shows them any more, their words and files are let go of.';
COMMENT ON COLUMN removals.job_id IS 'The job.';
COMMENT ON COLUMN removals.removed_by IS 'Its owner or a moderator.';
COMMENT ON COLUMN removals.moderated IS 'Whether it was a moderator.';
COMMENT ON COLUMN removals.at IS 'When.';

CREATE TABLE doomed_messages (
    message_id  bigint PRIMARY KEY,
    channel_id  bigint NOT NULL,
    job_id      uuid NOT NULL REFERENCES jobs (id),
    shard       integer NOT NULL,
    next_try_at timestamptz NOT NULL DEFAULT '-infinity',
    failures    integer NOT NULL DEFAULT 0,
    ended_at    timestamptz,
    reason      text
);
CREATE INDEX doomed_messages_due ON doomed_messages (shard, next_try_at) WHERE ended_at IS NULL;
COMMENT ON TABLE doomed_messages IS 'Messages of a deleted result that are to be deleted.';
COMMENT ON COLUMN doomed_messages.message_id IS 'The message.';
COMMENT ON COLUMN doomed_messages.channel_id IS 'Where it is.';
COMMENT ON COLUMN doomed_messages.job_id IS 'The job.';
COMMENT ON COLUMN doomed_messages.shard IS 'The gateway shard whose process deletes it.';
COMMENT ON COLUMN doomed_messages.next_try_at IS 'A pause after a failed try.';
COMMENT ON COLUMN doomed_messages.failures IS 'Failed tries.';
COMMENT ON COLUMN doomed_messages.ended_at IS 'When it was gone, or nothing more could be done.';
COMMENT ON COLUMN doomed_messages.reason IS 'Why it could not be deleted; null where it is gone.';
