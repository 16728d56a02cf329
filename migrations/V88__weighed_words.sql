-- Jobs that answer a question about words instead of drawing them.

ALTER TABLE models ADD COLUMN weighs boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN models.weighs IS 'Whether a node has said that it can tell how much each word of a prompt counts for these weights.';

CREATE TABLE job_answers (
    job_id uuid PRIMARY KEY REFERENCES jobs (id),
    answer jsonb NOT NULL
);
COMMENT ON TABLE job_answers IS 'What a completed job without pictures resulted in.';
COMMENT ON COLUMN job_answers.job_id IS 'The job.';
COMMENT ON COLUMN job_answers.answer IS 'easel_domain::spec::Answer: numbers, never words.';
