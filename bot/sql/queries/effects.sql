-- record_effect --
INSERT INTO effects (kind, installation_id, repository_id, repository, subject, digest, cause)
VALUES (
    %(kind)s, %(installation_id)s, %(repository_id)s, %(repository)s, %(subject)s, %(digest)s,
    %(cause)s
)
RETURNING id;

-- finish_effect --
UPDATE effects SET outcome = %(outcome)s, finished_at = clock_timestamp() WHERE id = %(id)s;
