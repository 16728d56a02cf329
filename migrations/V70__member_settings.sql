-- What a member has chosen for all of his jobs.

CREATE TABLE member_settings (
    user_id   uuid PRIMARY KEY REFERENCES users (id),
    speed     text CHECK (speed IN ('turbo', 'fast', 'relax')),
    variation text NOT NULL DEFAULT 'gentle' CHECK (variation IN ('subtle', 'gentle', 'strong')),
    remix     boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE member_settings IS 'What a member has chosen for all of his jobs. No row: he has chosen nothing.';
COMMENT ON COLUMN member_settings.user_id IS 'Whose.';
COMMENT ON COLUMN member_settings.speed IS 'The lane of jobs that name none; null for that of his tier, which it never goes beyond.';
COMMENT ON COLUMN member_settings.variation IS 'How far V moves from its picture.';
COMMENT ON COLUMN member_settings.remix IS 'Whether V and the like ask for other words first.';
