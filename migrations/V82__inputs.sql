-- Pictures that members gave, for jobs that start from them.

CREATE TABLE inputs (
    key          text PRIMARY KEY,
    sha256       text NOT NULL,
    size_bytes   bigint NOT NULL CHECK (size_bytes > 0),
    content_type text NOT NULL,
    width        integer NOT NULL,
    height       integer NOT NULL,
    given_at     timestamptz NOT NULL
);
CREATE INDEX inputs_age ON inputs (given_at);
COMMENT ON TABLE inputs IS 'Objects of class input. Written before the object is: one that no job reads is garbage and is found through this table.';
COMMENT ON COLUMN inputs.key IS 'Content-addressed key.';
COMMENT ON COLUMN inputs.sha256 IS 'Digest of the body, in hex.';
COMMENT ON COLUMN inputs.size_bytes IS 'Length of the body.';
COMMENT ON COLUMN inputs.content_type IS 'Media type, by content.';
COMMENT ON COLUMN inputs.width IS 'Pixels, by the header.';
COMMENT ON COLUMN inputs.height IS 'Pixels, by the header.';
COMMENT ON COLUMN inputs.given_at IS 'When somebody gave it last.';
