-- How fast requests may follow one another, before any job is made of them. Admins edit this live, as they do the tiers.

ALTER TABLE tiers
    ADD COLUMN request_burst integer NOT NULL DEFAULT 30 CHECK (request_burst > 0),
    ADD COLUMN requests_per_minute integer NOT NULL DEFAULT 90 CHECK (requests_per_minute > 0);
COMMENT ON COLUMN tiers.request_burst IS 'Commands, presses and forms of one member that are taken at once.';
COMMENT ON COLUMN tiers.requests_per_minute IS 'How many of them a minute after that.';

UPDATE tiers SET request_burst = 20, requests_per_minute = 40 WHERE name = 'free';
UPDATE tiers SET request_burst = 60, requests_per_minute = 180 WHERE name = 'premium';
UPDATE tiers SET request_burst = 90, requests_per_minute = 360 WHERE name = 'enterprise';

CREATE TABLE guild_limits (
    guild_id            bigint PRIMARY KEY,
    request_burst       integer NOT NULL CHECK (request_burst > 0),
    requests_per_minute integer NOT NULL CHECK (requests_per_minute > 0)
);
COMMENT ON TABLE guild_limits IS 'What all members of one guild together may ask for.';
COMMENT ON COLUMN guild_limits.guild_id IS 'The guild; 0 for every guild that has no row of its own.';
COMMENT ON COLUMN guild_limits.request_burst IS 'Commands, presses and forms that are taken at once.';
COMMENT ON COLUMN guild_limits.requests_per_minute IS 'How many of them a minute after that.';

INSERT INTO guild_limits VALUES (0, 600, 3600);
