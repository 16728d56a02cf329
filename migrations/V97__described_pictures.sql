-- Jobs that find words for pictures.

ALTER TABLE models ADD COLUMN describes boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN models.describes IS 'Whether a node with these weights has said that it has eyes: that it can find prompts for pictures.';

ALTER TABLE prompts ADD COLUMN pictured text;
COMMENT ON COLUMN prompts.pictured IS 'Address of the picture that a question is about, for its message; null where it is about words.';

COMMENT ON COLUMN job_answers.answer IS 'easel_domain::spec::Answer: numbers about words, or words about pictures. Deleted with the words of the job.';
