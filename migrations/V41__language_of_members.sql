-- The language that a member is spoken to in, where it is needed after the interaction is gone.

ALTER TABLE deliveries ADD COLUMN locale text NOT NULL DEFAULT 'en';
COMMENT ON COLUMN deliveries.locale IS 'Language of the message: that of the member who started the job, as Discord named it.';

ALTER TABLE intake ADD COLUMN locale text NOT NULL DEFAULT 'en';
COMMENT ON COLUMN intake.locale IS 'Language of the member, as Discord named it.';
