-- What members keep for their prompts.

CREATE TABLE member_options (
    user_id uuid NOT NULL REFERENCES users (id),
    name    text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_-]{0,31}$'),
    value   text NOT NULL CHECK (length(value) BETWEEN 1 AND 200),
    at      timestamptz NOT NULL,
    PRIMARY KEY (user_id, name)
);
COMMENT ON TABLE member_options IS 'Names of a member''s own that stand for parameters in his prompts.';
COMMENT ON COLUMN member_options.user_id IS 'Whose.';
COMMENT ON COLUMN member_options.name IS 'The name, without dashes.';
COMMENT ON COLUMN member_options.value IS 'The parameters that it stands for.';
COMMENT ON COLUMN member_options.at IS 'When it was kept.';

ALTER TABLE member_settings ADD COLUMN suffix text CHECK (length(suffix) BETWEEN 1 AND 200);
COMMENT ON COLUMN member_settings.suffix IS 'Parameters that are put behind every prompt of his; null for none.';
