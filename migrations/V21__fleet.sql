-- What the scheduler goes by, what it knows each second, and what it sets aside.

ALTER TABLE tiers ADD COLUMN promise_s integer CHECK (promise_s > 0);
ALTER TABLE tiers ADD COLUMN promise_factor real CHECK (promise_factor > 0);
ALTER TABLE tiers ADD COLUMN reserved real NOT NULL DEFAULT 0 CHECK (reserved >= 0 AND reserved <= 1);
COMMENT ON COLUMN tiers.promise_s IS 'Seconds within which its jobs should be done; null for no promise.';
COMMENT ON COLUMN tiers.promise_factor IS 'The same, as a multiple of what a job takes by itself.';
COMMENT ON COLUMN tiers.reserved IS 'Share of the nodes that is kept for it.';
UPDATE tiers SET promise_s = 30 WHERE name = 'premium';

CREATE TABLE quarantined_nodes (
    node_id     text PRIMARY KEY,
    reason      text NOT NULL,
    since       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE quarantined_nodes IS 'Nodes that broke so often that only an operator lets them work again.';
COMMENT ON COLUMN quarantined_nodes.node_id IS 'The node, whichever start of it.';
COMMENT ON COLUMN quarantined_nodes.reason IS 'What it did.';
COMMENT ON COLUMN quarantined_nodes.since IS 'When.';

CREATE TABLE node_decisions (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node_id text NOT NULL,
    what    text NOT NULL CHECK (what IN ('quarantined', 'released')),
    detail  text NOT NULL,
    at      timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER node_decisions_is_append_only BEFORE UPDATE OR DELETE ON node_decisions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE node_decisions IS 'Append-only: who was quarantined and who was let back.';
COMMENT ON COLUMN node_decisions.id IS 'Order.';
COMMENT ON COLUMN node_decisions.node_id IS 'The node.';
COMMENT ON COLUMN node_decisions.what IS 'What was decided.';
COMMENT ON COLUMN node_decisions.detail IS 'Why, or by whom.';
COMMENT ON COLUMN node_decisions.at IS 'When.';

CREATE TABLE lane_snapshots (
    region        text NOT NULL,
    pool          text NOT NULL,
    taken_at      timestamptz NOT NULL DEFAULT now(),
    backlog_gpu_s double precision NOT NULL,
    oldest_s      double precision NOT NULL,
    desired_nodes integer NOT NULL,
    waiting       integer NOT NULL,
    running       integer NOT NULL,
    nodes         integer NOT NULL,
    PRIMARY KEY (region, pool)
);
COMMENT ON TABLE lane_snapshots IS 'What the leader of each lane last knew: written every second, read by autoscalers and by the bot.';
COMMENT ON COLUMN lane_snapshots.region IS 'Region.';
COMMENT ON COLUMN lane_snapshots.pool IS 'Pool.';
COMMENT ON COLUMN lane_snapshots.taken_at IS 'When, by the database''s clock. Old: nobody leads.';
COMMENT ON COLUMN lane_snapshots.backlog_gpu_s IS 'Predicted GPU-seconds of the jobs that wait.';
COMMENT ON COLUMN lane_snapshots.oldest_s IS 'Seconds that the oldest of them has waited.';
COMMENT ON COLUMN lane_snapshots.desired_nodes IS 'Nodes that the lane should have.';
COMMENT ON COLUMN lane_snapshots.waiting IS 'Jobs that wait.';
COMMENT ON COLUMN lane_snapshots.running IS 'Jobs that nodes have.';
COMMENT ON COLUMN lane_snapshots.nodes IS 'Nodes that are heard.';

CREATE TABLE dead_letters (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue    text NOT NULL,
    reason   text NOT NULL,
    body     bytea NOT NULL,
    at       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE dead_letters IS 'Messages that nothing could read, until somebody replays or drops them.';
COMMENT ON COLUMN dead_letters.id IS 'Order.';
COMMENT ON COLUMN dead_letters.queue IS 'Where it was found, by its full name.';
COMMENT ON COLUMN dead_letters.reason IS 'What was wrong with it.';
COMMENT ON COLUMN dead_letters.body IS 'As it came.';
COMMENT ON COLUMN dead_letters.at IS 'When it was set aside.';
