-- Several jobs of one prompt begin from pictures, too.

ALTER TABLE proposals
    ADD COLUMN pictures jsonb;
COMMENT ON COLUMN proposals.pictures IS 'What its jobs begin from: objects of class input, each with the address in the prompt that it was taken from, if any. Null for none; erased with the words.';
