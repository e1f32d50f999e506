-- What a comment's commands came to: they are carried out once, however often the answer is tried.
CREATE TABLE command_answers (
    repository_id bigint NOT NULL,
    comment_id bigint NOT NULL,
    texts text[] NOT NULL,
    refused boolean NOT NULL,
    answered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (repository_id, comment_id)
);
