-- A member who was told that nothing was started gets no job after all.

ALTER TABLE intake ADD COLUMN given_up_at timestamptz;
COMMENT ON COLUMN intake.given_up_at IS 'When a bot decided to tell the member that nothing was started. Nothing may come of the interaction from then on.';
