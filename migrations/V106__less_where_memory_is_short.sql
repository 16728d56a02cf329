-- Smaller pictures where memory is short, for tiers that allow it and sizes that nobody asked for.

ALTER TABLE tiers ADD COLUMN lowers_size boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN tiers.lowers_size IS 'Whether its jobs may be drawn smaller, and for less, where no node has the memory for their size. Sizes that were asked for stay.';
UPDATE tiers SET lowers_size = true WHERE name = 'free';

-- The rows that are there have nothing in the new columns, so none of them is read while the table is locked.
ALTER TABLE jobs
    ADD COLUMN size_is_open boolean NOT NULL DEFAULT false,
    ADD COLUMN asked_width integer,
    ADD COLUMN asked_height integer,
    ADD COLUMN price bigint,
    ADD CHECK (asked_width > 0 AND asked_height > 0) NOT VALID,
    ADD CHECK ((asked_width IS NULL) = (asked_height IS NULL)) NOT VALID,
    ADD CHECK (price BETWEEN 0 AND quote) NOT VALID;
COMMENT ON COLUMN jobs.size_is_open IS 'Whether nobody asked for its width and height, so that they may be less. Immutable.';
COMMENT ON COLUMN jobs.asked_width IS 'Width in pixels before it was drawn smaller; null where it was not. The spec holds what is drawn.';
COMMENT ON COLUMN jobs.asked_height IS 'Height in pixels before it was drawn smaller.';
COMMENT ON COLUMN jobs.price IS 'Credits that it costs at most, where that is less than what was reserved: null for the quote.';
