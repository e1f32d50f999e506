-- To which pull requests an operation belongs: that on which it was asked for, and that by which its
-- build came.
CREATE TABLE operation_pulls (
    repository_id bigint NOT NULL,
    number bigint NOT NULL,
    operation_id bigint NOT NULL REFERENCES operations (id),
    PRIMARY KEY (repository_id, number, operation_id)
);

-- Escapes are taken out of what is read: what they stand for may be no text of PostgreSQL's.
INSERT INTO operation_pulls (repository_id, number, operation_id)
SELECT DISTINCT plain.repository_id, named.number, plain.id
  FROM (
           SELECT id, repository_id, regexp_replace(content::text, '\\.', '', 'g')::json AS told
             FROM operations
       ) AS plain
 CROSS JOIN LATERAL (
           VALUES ((told ->> 'pull_number')::bigint),
                  ((told -> 'plan' -> 'build' ->> 'pull_number')::bigint)
       ) AS named (number)
 WHERE named.number > 0;
