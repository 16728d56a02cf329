-- Places that the bot is no member of, and how large files may be where a message is.

ALTER TABLE deliveries
    ADD COLUMN guest boolean NOT NULL DEFAULT false,
    ADD COLUMN file_limit_bytes bigint CHECK (file_limit_bytes > 0);
COMMENT ON COLUMN deliveries.guest IS 'The bot is no member there: only the interaction''s token reaches the message.';
COMMENT ON COLUMN deliveries.file_limit_bytes IS 'What one file may have there, as the interaction told it; null where none did.';
