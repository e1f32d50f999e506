-- An alert is an incident of its own, and may have a likely cause.
ALTER TABLE notices ADD COLUMN incident text NOT NULL DEFAULT '';

ALTER TABLE notices ADD COLUMN cause_url text NOT NULL DEFAULT '';
