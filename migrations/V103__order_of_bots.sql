-- Which bot may take another's place: only a later one.

CREATE SEQUENCE bot_starts;
COMMENT ON SEQUENCE bot_starts IS 'Numbers the starts of bot processes, so that the order of two does not hang on their clocks.';

ALTER TABLE shard_owners
    ADD COLUMN holder_release bigint NOT NULL DEFAULT 0,
    ADD COLUMN holder_start bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN shard_owners.holder_release IS 'The release that the operator says the owner is of; 0 where he says none.';
COMMENT ON COLUMN shard_owners.holder_start IS 'The owner''s number among all starts; 0 for one that knew no numbers.';
