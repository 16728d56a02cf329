-- Several bot processes: handing a shard over, and beginning sessions one after another.

ALTER TABLE shard_owners
    ADD COLUMN successor uuid,
    ADD COLUMN successor_until timestamptz;
COMMENT ON COLUMN shard_owners.successor IS 'A process that is connected and asks for the shard; its owner lets go and ends.';
COMMENT ON COLUMN shard_owners.successor_until IS 'How long it asks without repeating that, by the database''s clock.';

CREATE TABLE identify_slots (
    bucket  integer PRIMARY KEY CHECK (bucket >= 0),
    free_at timestamptz NOT NULL
);
COMMENT ON TABLE identify_slots IS 'When the next session may begin, over all processes.';
COMMENT ON COLUMN identify_slots.bucket IS 'Shard number modulo the sessions that Discord lets begin at once.';
COMMENT ON COLUMN identify_slots.free_at IS 'By the database''s clock.';
