-- Members' pictures go some time after their last use.

COMMENT ON TABLE inputs IS 'Objects of class input. Written before the object is. One that nobody has used for long leaves this table and becomes garbage.';
COMMENT ON COLUMN inputs.given_at IS 'When somebody gave it, or a job began from it, last.';
