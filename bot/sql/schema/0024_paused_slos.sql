-- Where the App's installation is suspended nothing is evaluated, and what was found stays.
ALTER TABLE slo_files ADD COLUMN paused boolean NOT NULL DEFAULT false;
