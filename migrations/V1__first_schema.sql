-- The truth of the platform. Every state change below is guarded by the state it starts from and, once a job is leased,
-- by the lease's token. Members are known by an internal key; their Discord id and their words live in one erasable row each.

CREATE TABLE users (
    id         uuid PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE users IS 'One member, known by nothing but this key.';
COMMENT ON COLUMN users.id IS 'Internal key. Immutable.';
COMMENT ON COLUMN users.created_at IS 'First seen.';

CREATE TABLE discord_users (
    user_id    uuid PRIMARY KEY REFERENCES users (id),
    discord_id bigint NOT NULL UNIQUE
);
COMMENT ON TABLE discord_users IS 'The erasable link from a member to Discord.';
COMMENT ON COLUMN discord_users.user_id IS 'The member.';
COMMENT ON COLUMN discord_users.discord_id IS 'His Discord snowflake.';

CREATE TABLE tiers (
    name              text PRIMARY KEY,
    service_class     text    NOT NULL CHECK (service_class IN ('turbo', 'fast', 'standard', 'relax')),
    weight            integer NOT NULL CHECK (weight > 0),
    running_limit     integer NOT NULL CHECK (running_limit > 0),
    waiting_limit     integer NOT NULL CHECK (waiting_limit >= 0),
    permutation_limit integer NOT NULL CHECK (permutation_limit >= 0),
    aging_s           integer NOT NULL CHECK (aging_s > 0),
    shed_after_s      integer CHECK (shed_after_s > 0),
    retention_s       integer CHECK (retention_s > 0)
);
COMMENT ON TABLE tiers IS 'What each tier allows and promises. Admins edit it live.';
COMMENT ON COLUMN tiers.name IS 'Name shown to members.';
COMMENT ON COLUMN tiers.service_class IS 'The lane of its jobs.';
COMMENT ON COLUMN tiers.weight IS 'Share among tiers of the same class.';
COMMENT ON COLUMN tiers.running_limit IS 'Jobs of one member that may run at once.';
COMMENT ON COLUMN tiers.waiting_limit IS 'Jobs of one member that may wait at once.';
COMMENT ON COLUMN tiers.permutation_limit IS 'Jobs that one prompt may expand to.';
COMMENT ON COLUMN tiers.aging_s IS 'A job that waited this many seconds goes first within its class.';
COMMENT ON COLUMN tiers.shed_after_s IS 'A job that waited this many seconds may be shed under load; null for never.';
COMMENT ON COLUMN tiers.retention_s IS 'Seconds that pictures are kept; null for ever.';

INSERT INTO tiers VALUES
    ('free', 'relax', 1, 1, 3, 0, 1800, 3600, 2592000),
    ('standard', 'standard', 2, 3, 10, 4, 300, NULL, NULL),
    ('premium', 'fast', 4, 12, 10, 10, 60, NULL, NULL),
    ('enterprise', 'turbo', 8, 12, 10, 40, 60, NULL, NULL);

CREATE TABLE accounts (
    user_id uuid PRIMARY KEY REFERENCES users (id),
    tier    text   NOT NULL DEFAULT 'standard' REFERENCES tiers (name),
    balance bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE accounts IS 'Locked while limits are checked and credits are reserved.';
COMMENT ON COLUMN accounts.user_id IS 'The member.';
COMMENT ON COLUMN accounts.tier IS 'His tier.';
COMMENT ON COLUMN accounts.balance IS 'Credits left after reservations. The sum of his ledger rows.';

CREATE TABLE models (
    id         text NOT NULL,
    hash       text NOT NULL,
    profile    jsonb NOT NULL,
    state      text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retired')),
    first_seen timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, hash)
);
COMMENT ON TABLE models IS 'Weights that some node has announced.';
COMMENT ON COLUMN models.id IS 'The operator''s name for the model.';
COMMENT ON COLUMN models.hash IS 'Digest of its files.';
COMMENT ON COLUMN models.profile IS 'easel_domain::model::ModelProfile.';
COMMENT ON COLUMN models.state IS 'Retired models take no new jobs.';
COMMENT ON COLUMN models.first_seen IS 'When a node first announced these weights. The newest active hash of an id is used.';

CREATE TABLE intake (
    interaction_id   bigint PRIMARY KEY,
    application_id   bigint NOT NULL,
    token            text,
    token_expires_at timestamptz NOT NULL,
    received_at      timestamptz NOT NULL,
    kind             text NOT NULL,
    shard            integer NOT NULL,
    waits            boolean NOT NULL,
    state            text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'answered', 'abandoned')),
    job_id           uuid
);
CREATE INDEX intake_open ON intake (received_at) WHERE state = 'open';
COMMENT ON TABLE intake IS 'Interactions that were answered with "thinking" and not yet settled. Lets a restarted bot finish them.';
COMMENT ON COLUMN intake.interaction_id IS 'Discord''s id: the idempotency key.';
COMMENT ON COLUMN intake.application_id IS 'Needed to edit the answer.';
COMMENT ON COLUMN intake.token IS 'Credential of the answer; cleared when settled or dead.';
COMMENT ON COLUMN intake.token_expires_at IS 'When the token dies: 15 minutes after creation, less a margin.';
COMMENT ON COLUMN intake.received_at IS 'When the bot got it.';
COMMENT ON COLUMN intake.kind IS 'Command or button action, for metrics.';
COMMENT ON COLUMN intake.shard IS 'The gateway shard it came through, whose process settles it after a restart.';
COMMENT ON COLUMN intake.waits IS 'Whether the answer is a message that says "thinking" and must be replaced; false for a click without one.';
COMMENT ON COLUMN intake.state IS 'open until a job is committed (accepted), a text was given (answered) or the token died (abandoned).';
COMMENT ON COLUMN intake.job_id IS 'The job that came of it.';

CREATE TABLE jobs (
    id             uuid PRIMARY KEY,
    interaction_id bigint NOT NULL,
    ordinal        smallint NOT NULL DEFAULT 0,
    user_id        uuid NOT NULL REFERENCES users (id),
    guild_id       bigint,
    action         text NOT NULL,
    parent_job_id  uuid REFERENCES jobs (id),
    parent_index   smallint,
    dedupe_key     text,
    region         text NOT NULL,
    pool           text NOT NULL,
    service_class  text NOT NULL CHECK (service_class IN ('turbo', 'fast', 'standard', 'relax')),
    tier           text NOT NULL,
    model_id       text NOT NULL,
    model_hash     text NOT NULL,
    spec           jsonb NOT NULL,
    storage_class  text NOT NULL CHECK (storage_class IN ('public', 'private')),
    quote          bigint NOT NULL CHECK (quote >= 0),
    state          text NOT NULL DEFAULT 'queued' CHECK (state IN
                   ('queued', 'leased', 'finishing', 'held', 'completed', 'failed', 'cancelled', 'rejected', 'shed')),
    attempt        integer NOT NULL DEFAULT 1 CHECK (attempt > 0),
    not_before     timestamptz NOT NULL DEFAULT '-infinity',
    avoid_boot     uuid,
    submitted_at   timestamptz NOT NULL,
    started_at     timestamptz,
    ended_at       timestamptz,
    end_reason     text,
    end_detail     text,
    CHECK ((state IN ('completed', 'failed', 'cancelled', 'rejected', 'shed')) = (ended_at IS NOT NULL)),
    UNIQUE (interaction_id, ordinal)
);
CREATE UNIQUE INDEX jobs_dedupe ON jobs (dedupe_key) WHERE state NOT IN ('failed', 'cancelled', 'rejected', 'shed');
CREATE INDEX jobs_waiting ON jobs (region, pool, id) WHERE state = 'queued';
CREATE INDEX jobs_unfinished_by_user ON jobs (user_id) WHERE ended_at IS NULL;
CREATE INDEX jobs_by_user ON jobs (user_id, id DESC);
COMMENT ON TABLE jobs IS 'One request for pictures, from submit to its one end state.';
COMMENT ON COLUMN jobs.id IS 'Time-ordered. Immutable.';
COMMENT ON COLUMN jobs.interaction_id IS 'What it was submitted by. Immutable.';
COMMENT ON COLUMN jobs.ordinal IS 'Which of several jobs of one interaction, counted from 0. Immutable.';
COMMENT ON COLUMN jobs.user_id IS 'Who pays and owns the result. Immutable.';
COMMENT ON COLUMN jobs.guild_id IS 'Where it was asked for; null in direct messages. Immutable.';
COMMENT ON COLUMN jobs.action IS 'easel_domain::spec::Action. Immutable.';
COMMENT ON COLUMN jobs.parent_job_id IS 'The job whose button was pressed. Immutable.';
COMMENT ON COLUMN jobs.parent_index IS 'The picture of the parent, counted from 0. Immutable.';
COMMENT ON COLUMN jobs.dedupe_key IS 'Of all jobs with the same key one at most has not failed, such as U2 of one grid by one member; null for none.';
COMMENT ON COLUMN jobs.region IS 'Where it is to run.';
COMMENT ON COLUMN jobs.pool IS 'Which nodes may run it.';
COMMENT ON COLUMN jobs.service_class IS 'Its lane.';
COMMENT ON COLUMN jobs.tier IS 'Tier at submit.';
COMMENT ON COLUMN jobs.model_id IS 'Model, also in the spec.';
COMMENT ON COLUMN jobs.model_hash IS 'Weights, also in the spec.';
COMMENT ON COLUMN jobs.spec IS 'easel_domain::spec::RenderSpec, without the words.';
COMMENT ON COLUMN jobs.storage_class IS 'Where its pictures lie.';
COMMENT ON COLUMN jobs.quote IS 'Credits reserved.';
COMMENT ON COLUMN jobs.state IS 'easel_domain::job::JobState.';
COMMENT ON COLUMN jobs.attempt IS 'Number of the current or next try.';
COMMENT ON COLUMN jobs.not_before IS 'A pause after a failed try.';
COMMENT ON COLUMN jobs.avoid_boot IS 'The node start that failed the last try: avoided where another is free.';
COMMENT ON COLUMN jobs.submitted_at IS 'When the member asked.';
COMMENT ON COLUMN jobs.started_at IS 'First lease.';
COMMENT ON COLUMN jobs.ended_at IS 'Set with the end state.';
COMMENT ON COLUMN jobs.end_reason IS 'easel_domain::job::EndReason where it is not completed.';
COMMENT ON COLUMN jobs.end_detail IS 'For operators; names no prompt.';

CREATE TABLE prompts (
    job_id   uuid PRIMARY KEY REFERENCES jobs (id),
    shown    text NOT NULL,
    positive text NOT NULL,
    negative text NOT NULL,
    digest   text NOT NULL DEFAULT ''
);
COMMENT ON TABLE prompts IS 'The words of a job: the erasable row.';
COMMENT ON COLUMN prompts.job_id IS 'The job.';
COMMENT ON COLUMN prompts.shown IS 'As the member wrote it, for the message and for remakes.';
COMMENT ON COLUMN prompts.positive IS 'As the engine gets it.';
COMMENT ON COLUMN prompts.negative IS 'As the engine gets it.';
COMMENT ON COLUMN prompts.digest IS 'SHA-256 in hex of the canonical text, to notice the same request twice; empty where that does not matter.';

CREATE TABLE leadership (
    region     text NOT NULL,
    pool       text NOT NULL,
    epoch      bigint NOT NULL,
    holder     uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (region, pool)
);
COMMENT ON TABLE leadership IS 'Which dispatcher leads a pool. Every dispatcher transaction locks its row at its epoch.';
COMMENT ON COLUMN leadership.region IS 'Region.';
COMMENT ON COLUMN leadership.pool IS 'Pool.';
COMMENT ON COLUMN leadership.epoch IS 'Grows with every change of leader.';
COMMENT ON COLUMN leadership.holder IS 'The process that leads.';
COMMENT ON COLUMN leadership.expires_at IS 'By the database''s clock. Another process may take over after it.';

CREATE TABLE leases (
    job_id     uuid PRIMARY KEY REFERENCES jobs (id),
    attempt    integer NOT NULL,
    token      uuid NOT NULL,
    node_id    text NOT NULL,
    boot_id    uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    leased_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX leases_expiry ON leases (expires_at);
COMMENT ON TABLE leases IS 'The newest lease of each job that is leased or finishing; its token fences every write.';
COMMENT ON COLUMN leases.job_id IS 'The job.';
COMMENT ON COLUMN leases.attempt IS 'Try number.';
COMMENT ON COLUMN leases.token IS 'Fencing token.';
COMMENT ON COLUMN leases.node_id IS 'Who holds it.';
COMMENT ON COLUMN leases.boot_id IS 'Which start of the node.';
COMMENT ON COLUMN leases.expires_at IS 'By the database''s clock. Renewed by heartbeats.';
COMMENT ON COLUMN leases.leased_at IS 'By the database''s clock.';

CREATE TABLE cancel_requests (
    job_id       uuid PRIMARY KEY REFERENCES jobs (id),
    requested_by uuid NOT NULL REFERENCES users (id),
    requested_at timestamptz NOT NULL DEFAULT now(),
    handled_at   timestamptz
);
CREATE INDEX cancel_requests_open ON cancel_requests (requested_at) WHERE handled_at IS NULL;
COMMENT ON TABLE cancel_requests IS 'Asked for by the bot, acted on by the dispatcher.';
COMMENT ON COLUMN cancel_requests.job_id IS 'The job.';
COMMENT ON COLUMN cancel_requests.requested_by IS 'Its owner or a moderator.';
COMMENT ON COLUMN cancel_requests.requested_at IS 'When.';
COMMENT ON COLUMN cancel_requests.handled_at IS 'When the dispatcher acted, whatever came of it.';

CREATE TABLE upload_grants (
    key        text NOT NULL,
    job_id     uuid NOT NULL REFERENCES jobs (id),
    token      uuid NOT NULL,
    role       text NOT NULL,
    index      smallint NOT NULL,
    claim      jsonb NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, token, role, index)
);
COMMENT ON TABLE upload_grants IS 'Files that a lease may write. An object that no picture refers to is garbage and is found through this table.';
COMMENT ON COLUMN upload_grants.key IS 'Object key.';
COMMENT ON COLUMN upload_grants.job_id IS 'The job.';
COMMENT ON COLUMN upload_grants.token IS 'The lease.';
COMMENT ON COLUMN upload_grants.role IS 'easel_domain::picture::FileRole.';
COMMENT ON COLUMN upload_grants.index IS 'The picture, counted from 0.';
COMMENT ON COLUMN upload_grants.claim IS 'easel_domain::message::FileClaim.';
COMMENT ON COLUMN upload_grants.granted_at IS 'When.';

CREATE TABLE blobs (
    key           text PRIMARY KEY,
    storage_class text NOT NULL,
    sha256        text NOT NULL,
    size_bytes    bigint NOT NULL CHECK (size_bytes > 0),
    content_type  text NOT NULL,
    width         integer NOT NULL,
    height        integer NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE blobs IS 'Objects that pictures refer to. Identical output is stored once.';
COMMENT ON COLUMN blobs.key IS 'Content-addressed key.';
COMMENT ON COLUMN blobs.storage_class IS 'easel_domain::picture::StorageClass.';
COMMENT ON COLUMN blobs.sha256 IS 'Digest of the body, in hex.';
COMMENT ON COLUMN blobs.size_bytes IS 'Length of the body.';
COMMENT ON COLUMN blobs.content_type IS 'Media type.';
COMMENT ON COLUMN blobs.width IS 'Pixels.';
COMMENT ON COLUMN blobs.height IS 'Pixels.';
COMMENT ON COLUMN blobs.created_at IS 'First stored.';

CREATE TABLE pictures (
    id      uuid PRIMARY KEY,
    job_id  uuid NOT NULL REFERENCES jobs (id),
    index   smallint NOT NULL CHECK (index >= 0),
    seed    bigint NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('pass', 'spoiler', 'hold', 'block')),
    verdict jsonb NOT NULL,
    UNIQUE (job_id, index)
);
COMMENT ON TABLE pictures IS 'Finished pictures. A picture is published when its outcome allows the destination.';
COMMENT ON COLUMN pictures.id IS 'Key.';
COMMENT ON COLUMN pictures.job_id IS 'The job it belongs to.';
COMMENT ON COLUMN pictures.index IS 'Place in the grid, counted from 0.';
COMMENT ON COLUMN pictures.seed IS 'Its own seed.';
COMMENT ON COLUMN pictures.outcome IS 'easel_domain::picture::PictureOutcome.';
COMMENT ON COLUMN pictures.verdict IS 'easel_domain::picture::PictureVerdict.';

CREATE TABLE job_files (
    job_id   uuid NOT NULL REFERENCES jobs (id),
    role     text NOT NULL CHECK (role IN ('full', 'thumb512', 'thumb128', 'grid')),
    index    smallint NOT NULL CHECK (index >= 0),
    blob_key text NOT NULL REFERENCES blobs (key),
    PRIMARY KEY (job_id, role, index)
);
CREATE INDEX job_files_by_blob ON job_files (blob_key);
COMMENT ON TABLE job_files IS 'Which objects a finished job shows. An object dies with its last row here.';
COMMENT ON COLUMN job_files.job_id IS 'The job.';
COMMENT ON COLUMN job_files.role IS 'easel_domain::picture::FileRole.';
COMMENT ON COLUMN job_files.index IS 'The picture, counted from 0; 0 for a grid.';
COMMENT ON COLUMN job_files.blob_key IS 'The object.';

CREATE TABLE deliveries (
    job_id            uuid PRIMARY KEY REFERENCES jobs (id),
    shard             integer NOT NULL,
    application_id    bigint NOT NULL,
    guild_id          bigint,
    channel_id        bigint NOT NULL,
    message_id        bigint,
    ephemeral         boolean NOT NULL DEFAULT false,
    interaction_token text,
    token_expires_at  timestamptz NOT NULL,
    desired_rev       integer NOT NULL DEFAULT 1,
    shown_rev         integer NOT NULL DEFAULT 0,
    route             text NOT NULL DEFAULT 'interaction' CHECK (route IN ('interaction', 'channel', 'direct')),
    post_intent_at    timestamptz,
    next_try_at       timestamptz NOT NULL DEFAULT '-infinity',
    failures          integer NOT NULL DEFAULT 0,
    undeliverable     text,
    CHECK (shown_rev <= desired_rev)
);
CREATE INDEX deliveries_due ON deliveries (shard, next_try_at) WHERE shown_rev < desired_rev AND undeliverable IS NULL;
COMMENT ON TABLE deliveries IS 'The message of each job: which revision it should show and which it shows. Progress is not stored.';
COMMENT ON COLUMN deliveries.job_id IS 'The job.';
COMMENT ON COLUMN deliveries.shard IS 'The gateway shard whose process owns the message.';
COMMENT ON COLUMN deliveries.application_id IS 'Needed for edits by token.';
COMMENT ON COLUMN deliveries.guild_id IS 'Null in direct messages.';
COMMENT ON COLUMN deliveries.channel_id IS 'Where the message is.';
COMMENT ON COLUMN deliveries.message_id IS 'Null until Discord has told it.';
COMMENT ON COLUMN deliveries.ephemeral IS 'Only the token can edit it.';
COMMENT ON COLUMN deliveries.interaction_token IS 'Credential; cleared when dead.';
COMMENT ON COLUMN deliveries.token_expires_at IS 'When it dies: 15 minutes after the interaction, less a margin.';
COMMENT ON COLUMN deliveries.desired_rev IS 'Grows with every durable change that the message must show.';
COMMENT ON COLUMN deliveries.shown_rev IS 'The revision of the last successful edit.';
COMMENT ON COLUMN deliveries.route IS 'Which message it is: the answer to the interaction, a new one in its channel, or one in the member''s direct messages.';
COMMENT ON COLUMN deliveries.post_intent_at IS 'Set before a new message is posted, so that a restart looks for it first.';
COMMENT ON COLUMN deliveries.next_try_at IS 'A pause after a failed edit.';
COMMENT ON COLUMN deliveries.failures IS 'Failed tries of this revision.';
COMMENT ON COLUMN deliveries.undeliverable IS 'Why no route is left; null while there is one.';

CREATE TABLE shard_owners (
    shard      integer PRIMARY KEY,
    epoch      bigint NOT NULL,
    holder     uuid NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE shard_owners IS 'Which bot process renders the messages of a shard.';
COMMENT ON COLUMN shard_owners.shard IS 'Gateway shard.';
COMMENT ON COLUMN shard_owners.epoch IS 'Grows with every change of owner.';
COMMENT ON COLUMN shard_owners.holder IS 'The process.';
COMMENT ON COLUMN shard_owners.expires_at IS 'By the database''s clock.';

CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue      text NOT NULL,
    body       jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at    timestamptz
);
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL;
COMMENT ON TABLE outbox IS 'Messages that belong to committed rows. Sent by the writer at once or by the relay a little later.';
COMMENT ON COLUMN outbox.id IS 'Order.';
COMMENT ON COLUMN outbox.queue IS 'Where to.';
COMMENT ON COLUMN outbox.body IS 'easel_domain::message, with its version.';
COMMENT ON COLUMN outbox.created_at IS 'When.';
COMMENT ON COLUMN outbox.sent_at IS 'When the broker confirmed it.';

CREATE TABLE ledger (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users (id),
    job_id     uuid REFERENCES jobs (id),
    kind       text NOT NULL CHECK (kind IN ('reserve', 'charge', 'release')),
    settles    boolean NOT NULL,
    amount     bigint NOT NULL,
    at         timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX ledger_one_reservation ON ledger (job_id) WHERE NOT settles;
CREATE UNIQUE INDEX ledger_one_settlement ON ledger (job_id) WHERE settles;
COMMENT ON TABLE ledger IS 'Append-only. One reservation and one settlement for each job.';
COMMENT ON COLUMN ledger.id IS 'Order.';
COMMENT ON COLUMN ledger.user_id IS 'Whose account.';
COMMENT ON COLUMN ledger.job_id IS 'For which job.';
COMMENT ON COLUMN ledger.kind IS 'easel_domain::ledger::EntryKind.';
COMMENT ON COLUMN ledger.settles IS 'Whether it is the job''s settlement.';
COMMENT ON COLUMN ledger.amount IS 'Change of the balance: a reservation is negative, a settlement gives back what was not charged.';
COMMENT ON COLUMN ledger.at IS 'When.';

CREATE TABLE job_events (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id   uuid NOT NULL REFERENCES jobs (id),
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    state    text NOT NULL,
    attempt  integer NOT NULL,
    detail   jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX job_events_by_job ON job_events (job_id, id);
COMMENT ON TABLE job_events IS 'Append-only: each transition of each job, for history and analytics.';
COMMENT ON COLUMN job_events.id IS 'Order.';
COMMENT ON COLUMN job_events.job_id IS 'The job.';
COMMENT ON COLUMN job_events.at IS 'When, by the database''s clock.';
COMMENT ON COLUMN job_events.state IS 'The state it went to.';
COMMENT ON COLUMN job_events.attempt IS 'Try number.';
COMMENT ON COLUMN job_events.detail IS 'Facts of the transition, such as the node; names no prompt.';

CREATE TABLE moderation_decisions (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    interaction_id bigint,
    job_id         uuid,
    user_id        uuid REFERENCES users (id),
    subject        text NOT NULL CHECK (subject IN ('prompt', 'picture')),
    decision       jsonb NOT NULL,
    at             timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE moderation_decisions IS 'What moderation decided and by which rule; never the words themselves.';
COMMENT ON COLUMN moderation_decisions.id IS 'Order.';
COMMENT ON COLUMN moderation_decisions.interaction_id IS 'What was judged, before there was a job.';
COMMENT ON COLUMN moderation_decisions.job_id IS 'What was judged, after.';
COMMENT ON COLUMN moderation_decisions.user_id IS 'Whose.';
COMMENT ON COLUMN moderation_decisions.subject IS 'Prompt or picture.';
COMMENT ON COLUMN moderation_decisions.decision IS 'Outcome, category, rule and list version.';
COMMENT ON COLUMN moderation_decisions.at IS 'When.';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER ledger_is_append_only BEFORE UPDATE OR DELETE ON ledger
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER job_events_is_append_only BEFORE UPDATE OR DELETE ON job_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
