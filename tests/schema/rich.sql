-- A schema with something of everything that is looked at.
DO $$ BEGIN CREATE ROLE anon; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE authenticated; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO anon WITH GRANT OPTION;
CREATE EXTENSION citext SCHEMA public;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
ALTER TYPE mood ADD VALUE 'great' BEFORE 'happy';
CREATE TYPE pair AS (a int, b text);
CREATE TYPE stretch AS RANGE (subtype = float8);
CREATE DOMAIN price AS numeric(10, 2) DEFAULT 0 CHECK (value >= 0) NOT NULL;

CREATE TABLE recipes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title text NOT NULL DEFAULT 'x' COLLATE "C",
    gone int,
    feeling mood DEFAULT 'ok',
    costs price,
    tags text[] DEFAULT '{}',
    -- Spelled in two ways before and after a restore.
    status varchar(10) CHECK (status IN ('a,', 'b]', 'it''s')),
    n int,
    next int GENERATED ALWAYS AS (n + 1) STORED,
    number serial,
    CONSTRAINT nested CHECK (n > 0 AND (n < 10 AND n <> 5) OR n IS NULL),
    CONSTRAINT between_them CHECK (n BETWEEN 1 AND 100),
    CONSTRAINT neither CHECK (status::text <> ALL (ARRAY['x', 'y'])),
    CONSTRAINT long CHECK (length(title) > 0 OR title IS NULL AND n = 1)
);
ALTER TABLE recipes DROP COLUMN gone;
ALTER TABLE recipes ADD COLUMN later int DEFAULT 1 + 2 * 3;
COMMENT ON TABLE recipes IS 'meals';
COMMENT ON COLUMN recipes.title IS 'its name';
CREATE TABLE shop.lines (
    id int PRIMARY KEY,
    recipe bigint REFERENCES recipes ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    q int,
    EXCLUDE USING btree (q WITH =)
);
ALTER TABLE shop.lines ADD CONSTRAINT unproven CHECK (q > 0) NOT VALID;
CREATE INDEX by_title ON recipes (lower(title)) WHERE n > 3 AND status IN ('a,', 'b]');
CREATE UNIQUE INDEX once ON recipes (title, n) INCLUDE (feeling);
CREATE TABLE parted (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
CREATE TABLE refers (id int, at date, FOREIGN KEY (id, at) REFERENCES parted);
CREATE TABLE heir (extra int) INHERITS (recipes);
CREATE UNLOGGED TABLE quick (a int) WITH (fillfactor = 70);
CREATE SEQUENCE tens INCREMENT 10 CYCLE MAXVALUE 100;
CREATE STATISTICS together ON n, title FROM recipes;

CREATE VIEW menu AS
SELECT r.id, r.title, count(*) OVER (PARTITION BY feeling) AS alike,
       CASE WHEN n > 1 THEN 'a' WHEN n IN (1, 2, 3) THEN 'b' ELSE 'c' END AS grade
  FROM recipes r
 WHERE status IN ('a,', 'b]') AND NOT EXISTS (SELECT FROM shop.lines l WHERE l.recipe = r.id);
CREATE VIEW both_of WITH (security_invoker = true) AS
SELECT a.id, b.q FROM recipes a JOIN shop.lines b ON a.id = b.recipe UNION ALL SELECT 1, 2 LIMIT 3;
CREATE MATERIALIZED VIEW totals AS
SELECT status, sum(n) FROM recipes GROUP BY status HAVING sum(n) > 3;

CREATE FUNCTION plus(a int, b text DEFAULT 'x') RETURNS int LANGUAGE sql IMMUTABLE
    AS $$ SELECT a + 1 $$;
CREATE FUNCTION atomic(a varchar) RETURNS int LANGUAGE sql
    BEGIN ATOMIC SELECT 1 WHERE a IN ('x', 'y'); END;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
    AS $$ BEGIN RETURN new; END $$;
CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE added(int) (sfunc = int4pl, stype = int4, initcond = '0');
REVOKE EXECUTE ON FUNCTION plus FROM PUBLIC;
CREATE TRIGGER touched BEFORE UPDATE OF title ON recipes FOR EACH ROW
    WHEN (old.title IS DISTINCT FROM new.title AND new.n > 1) EXECUTE FUNCTION touch();
ALTER TABLE recipes DISABLE TRIGGER touched;
CREATE RULE told AS ON INSERT TO quick DO ALSO NOTIFY quick;

ALTER TABLE recipes ENABLE ROW LEVEL SECURITY;
ALTER TABLE recipes FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON recipes FOR SELECT TO anon, authenticated USING (
    n > 1 AND status IN ('a,', 'b]')
    OR current_setting('request.jwt.claims', true)::json ->> 'sub' = title
);
CREATE POLICY few ON recipes AS RESTRICTIVE FOR INSERT WITH CHECK (n = ANY (ARRAY[1, 2]));
GRANT SELECT ON recipes TO anon;
GRANT UPDATE (title) ON recipes TO authenticated;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO anon;
CREATE PUBLICATION outward FOR TABLE recipes;
