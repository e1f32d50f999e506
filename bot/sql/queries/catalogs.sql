-- What a schema is made of, out of PostgreSQL's catalogs: one row an object, with the catalog and
-- the number by which `owned` and `comments` know it too. Asked with an empty search path, so that
-- every name comes with its schema. `schemas` are numbers of those that are looked at.
-- https://www.postgresql.org/docs/18/catalogs.html

-- schemas --
SELECT oid, nspname, NOT nspname = ANY(%(left_out)s) AS looked_at
  FROM pg_namespace
 WHERE nspname !~ '^pg_' AND nspname <> 'information_schema';

-- is_supabase --
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'supabase_admin');

-- members --
SELECT classid::regclass::text AS catalog, objid AS oid FROM pg_depend WHERE deptype = 'e';

-- owned --
SELECT owned.catalog, owned.oid, owned.schema,
       CASE WHEN owned.owner = (SELECT datdba FROM pg_database WHERE datname = current_database())
            THEN '@database-owner' ELSE pg_get_userbyid(owned.owner) END AS owner,
       (SELECT jsonb_object_agg(granted.grantee, granted.privileges)
          FROM (SELECT CASE each.grantee WHEN owned.owner THEN '@owner' WHEN 0 THEN 'PUBLIC'
                            ELSE pg_get_userbyid(each.grantee) END AS grantee,
                       jsonb_agg(DISTINCT each.privilege_type
                                 || CASE WHEN each.is_grantable THEN ' with grant option' ELSE '' END
                       ) AS privileges
                  FROM aclexplode(owned.acl) AS each
                 -- Came with PostgreSQL 17, and is in every ALL since.
                 WHERE each.privilege_type <> 'MAINTAIN'
                 GROUP BY 1) AS granted) AS acl
  FROM (SELECT 'pg_class' AS catalog, oid, relnamespace AS schema, relowner AS owner,
               coalesce(relacl, acldefault(
                   CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, relowner)) AS acl
          FROM pg_class
         WHERE relnamespace = ANY(%(schemas)s) AND relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
         UNION ALL
        SELECT 'pg_proc', oid, pronamespace, proowner, coalesce(proacl, acldefault('f', proowner))
          FROM pg_proc WHERE pronamespace = ANY(%(schemas)s)
         UNION ALL
        SELECT 'pg_type', oid, typnamespace, typowner, coalesce(typacl, acldefault('T', typowner))
          FROM pg_type WHERE typnamespace = ANY(%(schemas)s) AND typtype IN ('e', 'd', 'c', 'r')
         UNION ALL
        SELECT 'pg_namespace', oid, oid, nspowner, coalesce(nspacl, acldefault('n', nspowner))
          FROM pg_namespace WHERE oid = ANY(%(schemas)s)) AS owned;

-- comments --
SELECT classoid::regclass::text AS catalog, objoid AS oid, description
  FROM pg_description
 WHERE objsubid = 0
   AND classoid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass,
                    'pg_namespace'::regclass, 'pg_constraint'::regclass, 'pg_policy'::regclass,
                    'pg_trigger'::regclass);

-- namespaces --
SELECT 'schema ' || quote_ident(nspname) AS name, 'pg_namespace' AS catalog, oid, oid AS schema,
       '{}'::jsonb AS record
  FROM pg_namespace WHERE oid = ANY(%(schemas)s);

-- extensions --
SELECT 'extension ' || quote_ident(extname) AS name, 'pg_extension' AS catalog, oid,
       0::oid AS schema, jsonb_build_object('into', extnamespace::regnamespace::text) AS record
  FROM pg_extension;

-- tables --
SELECT 'table ' || c.oid::regclass::text AS name, 'pg_class' AS catalog, c.oid,
       c.relnamespace AS schema,
       jsonb_build_object(
           'kind', CASE c.relkind WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign'
                                  ELSE 'table' END,
           'unlogged', c.relpersistence = 'u',
           'row level security', c.relrowsecurity,
           'forced row level security', c.relforcerowsecurity,
           'replica identity', c.relreplident,
           'options', coalesce(to_jsonb(c.reloptions), '[]'),
           'partitioned by', pg_get_partkeydef(c.oid),
           'partition for', pg_get_expr(c.relpartbound, c.oid),
           'of type', CASE WHEN c.reloftype <> 0 THEN c.reloftype::regtype::text END,
           'parents', (SELECT jsonb_agg(i.inhparent::regclass::text ORDER BY i.inhseqno)
                         FROM pg_inherits AS i WHERE i.inhrelid = c.oid),
           'foreign', (SELECT jsonb_build_object('server', s.srvname, 'options', f.ftoptions)
                         FROM pg_foreign_table AS f JOIN pg_foreign_server AS s ON s.oid = f.ftserver
                        WHERE f.ftrelid = c.oid),
           'order of columns', (SELECT coalesce(jsonb_agg(a.attname ORDER BY a.attnum), '[]')
                                  FROM pg_attribute AS a
                                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
           -- Subqueries and no joins: catalogs that nobody has analysed mislead the planner, and
           -- these are looked up by index in any case.
           'columns', (SELECT coalesce(jsonb_object_agg(a.attname, jsonb_build_object(
               'type', format_type(a.atttypid, a.atttypmod),
               'not null', CASE WHEN a.attnotnull AND EXISTS (
                                    SELECT FROM pg_constraint AS n
                                     WHERE n.conrelid = a.attrelid AND n.contype = 'n'
                                       AND n.conkey[1] = a.attnum AND NOT n.convalidated)
                                THEN '"not validated"' ELSE to_jsonb(a.attnotnull) END,
               'default', CASE WHEN a.atthasdef THEN (
                   SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef AS d
                    WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) END,
               'generated', nullif(a.attgenerated::text, ''),
               'identity', nullif(a.attidentity::text, ''),
               'collation', CASE WHEN a.attcollation <> 0 AND a.attcollation <> (
                                     SELECT t.typcollation FROM pg_type AS t WHERE t.oid = a.atttypid)
                                 THEN a.attcollation::regcollation::text END,
               'acl', CASE WHEN a.attacl IS NOT NULL THEN (
                   SELECT jsonb_agg(granted ORDER BY granted)
                     FROM (SELECT coalesce(pg_get_userbyid(nullif(each.grantee, 0)), 'PUBLIC')
                                  || ' ' || each.privilege_type
                                  || CASE WHEN each.is_grantable
                                          THEN ' with grant option' ELSE '' END
                             FROM aclexplode(a.attacl) AS each) AS grants (granted)) END,
               'comment', (SELECT m.description FROM pg_description AS m
                            WHERE m.classoid = 'pg_class'::regclass AND m.objoid = a.attrelid
                              AND m.objsubid = a.attnum)
           )), '{}')
             FROM pg_attribute AS a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
       ) AS record
  FROM pg_class AS c
 WHERE c.relnamespace = ANY(%(schemas)s) AND c.relkind IN ('r', 'p', 'f');

-- views --
SELECT CASE c.relkind WHEN 'm' THEN 'materialized view ' ELSE 'view ' END || c.oid::regclass::text
       AS name, 'pg_class' AS catalog, c.oid, c.relnamespace AS schema,
       jsonb_build_object(
           'columns', (SELECT jsonb_agg(
                                  a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                                  ORDER BY a.attnum)
                         FROM pg_attribute AS a
                        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
           'options', coalesce(to_jsonb(c.reloptions), '[]'),
           'definition', pg_get_viewdef(c.oid)
       ) AS record
  FROM pg_class AS c
 WHERE c.relnamespace = ANY(%(schemas)s) AND c.relkind IN ('v', 'm');

-- sequences --
SELECT 'sequence ' || c.oid::regclass::text AS name, 'pg_class' AS catalog, c.oid,
       c.relnamespace AS schema,
       jsonb_build_object(
           'type', s.seqtypid::regtype::text, 'start', s.seqstart, 'increment', s.seqincrement,
           'least', s.seqmin, 'most', s.seqmax, 'cache', s.seqcache, 'cycle', s.seqcycle,
           'unlogged', c.relpersistence = 'u',
           'owned by', (SELECT d.refobjid::regclass::text || '.' || quote_ident(a.attname)
                          FROM pg_depend AS d
                          JOIN pg_attribute AS a
                            ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                         WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                           AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
       ) AS record
  FROM pg_class AS c JOIN pg_sequence AS s ON s.seqrelid = c.oid
 WHERE c.relnamespace = ANY(%(schemas)s);

-- indexes --
SELECT 'index ' || i.indexrelid::regclass::text AS name, 'pg_class' AS catalog,
       i.indexrelid AS oid, c.relnamespace AS schema,
       jsonb_build_object(
           'definition', pg_get_indexdef(i.indexrelid), 'valid', i.indisvalid,
           'replica identity', i.indisreplident
       ) AS record
  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
 WHERE c.relnamespace = ANY(%(schemas)s);

-- constraints --
-- NOT NULL is told with its column: it has been a constraint of its own, with a name that nobody
-- chose, since PostgreSQL 18 only. Copies of a foreign key for partitions get names as they come.
SELECT 'constraint ' || c.conrelid::regclass::text || '.' || quote_ident(c.conname) AS name,
       'pg_constraint' AS catalog, c.oid, c.connamespace AS schema,
       jsonb_build_object('definition', pg_get_constraintdef(c.oid), 'validated', c.convalidated)
       AS record
  FROM pg_constraint AS c
 WHERE c.connamespace = ANY(%(schemas)s) AND c.conrelid <> 0 AND c.contype NOT IN ('n', 't')
   AND NOT (c.contype = 'f' AND c.conparentid <> 0);

-- triggers --
SELECT 'trigger ' || t.tgrelid::regclass::text || '.' || quote_ident(t.tgname) AS name,
       'pg_trigger' AS catalog, t.oid, c.relnamespace AS schema,
       jsonb_build_object('definition', pg_get_triggerdef(t.oid), 'enabled', t.tgenabled) AS record
  FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
 WHERE c.relnamespace = ANY(%(schemas)s) AND NOT t.tgisinternal;

-- policies --
SELECT 'policy ' || p.polrelid::regclass::text || '.' || quote_ident(p.polname) AS name,
       'pg_policy' AS catalog, p.oid, c.relnamespace AS schema,
       jsonb_build_object(
           'permissive', p.polpermissive, 'command', p.polcmd,
           'roles', (SELECT jsonb_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(role) END
                                      ORDER BY role::regrole::text)
                       FROM unnest(p.polroles) AS role),
           'using', pg_get_expr(p.polqual, p.polrelid),
           'check', pg_get_expr(p.polwithcheck, p.polrelid)
       ) AS record
  FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
 WHERE c.relnamespace = ANY(%(schemas)s);

-- rules --
SELECT 'rule ' || r.ev_class::regclass::text || '.' || quote_ident(r.rulename) AS name,
       'pg_rewrite' AS catalog, r.oid, c.relnamespace AS schema,
       jsonb_build_object('definition', pg_get_ruledef(r.oid), 'enabled', r.ev_enabled) AS record
  FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class
 WHERE c.relnamespace = ANY(%(schemas)s) AND r.rulename <> '_RETURN';

-- functions --
SELECT CASE p.prokind WHEN 'p' THEN 'procedure ' WHEN 'a' THEN 'aggregate ' ELSE 'function ' END
       || quote_ident(n.nspname) || '.' || quote_ident(p.proname)
       || '(' || oidvectortypes(p.proargtypes) || ')' AS name,
       'pg_proc' AS catalog, p.oid, p.pronamespace AS schema,
       CASE p.prokind
           WHEN 'a' THEN (SELECT jsonb_build_object(
                                     'transition', a.aggtransfn::regprocedure::text,
                                     'final', a.aggfinalfn::oid::regprocedure::text,
                                     'state', a.aggtranstype::regtype::text,
                                     'initial', a.agginitval)
                            FROM pg_aggregate AS a WHERE a.aggfnoid = p.oid)
           ELSE jsonb_build_object('definition', pg_get_functiondef(p.oid))
       END AS record
  FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
 WHERE p.pronamespace = ANY(%(schemas)s);

-- types --
SELECT CASE t.typtype WHEN 'd' THEN 'domain ' ELSE 'type ' END || t.oid::regtype::text AS name,
       'pg_type' AS catalog, t.oid, t.typnamespace AS schema,
       CASE t.typtype
           WHEN 'e' THEN jsonb_build_object(
               'labels', (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder)
                            FROM pg_enum AS e WHERE e.enumtypid = t.oid))
           WHEN 'd' THEN jsonb_build_object(
               'type', format_type(t.typbasetype, t.typtypmod), 'not null', t.typnotnull,
               'default', t.typdefault,
               'collation', CASE WHEN t.typcollation <> b.typcollation
                                 THEN t.typcollation::regcollation::text END,
               'checks', coalesce((
                   SELECT jsonb_object_agg(k.conname, jsonb_build_object(
                              'definition', pg_get_constraintdef(k.oid),
                              'validated', k.convalidated))
                     FROM pg_constraint AS k WHERE k.contypid = t.oid AND k.contype = 'c'), '{}'))
           WHEN 'r' THEN (SELECT jsonb_build_object('range of', r.rngsubtype::regtype::text)
                            FROM pg_range AS r WHERE r.rngtypid = t.oid)
           ELSE jsonb_build_object(
               'attributes', (SELECT jsonb_agg(
                                         a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                                         ORDER BY a.attnum)
                                FROM pg_attribute AS a
                               WHERE a.attrelid = t.typrelid AND a.attnum > 0
                                 AND NOT a.attisdropped))
       END AS record
  FROM pg_type AS t
  LEFT JOIN pg_type AS b ON b.oid = t.typbasetype
  LEFT JOIN pg_class AS c ON c.oid = t.typrelid
 WHERE t.typnamespace = ANY(%(schemas)s) AND t.typtype IN ('e', 'd', 'c', 'r')
   AND (t.typtype <> 'c' OR c.relkind = 'c');

-- statistics --
SELECT 'statistics ' || quote_ident(n.nspname) || '.' || quote_ident(s.stxname) AS name,
       'pg_statistic_ext' AS catalog, s.oid, s.stxnamespace AS schema,
       jsonb_build_object('definition', pg_get_statisticsobjdef(s.oid)) AS record
  FROM pg_statistic_ext AS s JOIN pg_namespace AS n ON n.oid = s.stxnamespace
 WHERE s.stxnamespace = ANY(%(schemas)s);

-- event_triggers --
SELECT 'event trigger ' || quote_ident(e.evtname) AS name, 'pg_event_trigger' AS catalog, e.oid,
       p.pronamespace AS schema,
       jsonb_build_object('on', e.evtevent, 'calls', e.evtfoid::regprocedure::text,
                          'enabled', e.evtenabled, 'tags', to_jsonb(e.evttags)) AS record
  FROM pg_event_trigger AS e JOIN pg_proc AS p ON p.oid = e.evtfoid
 WHERE p.pronamespace = ANY(%(schemas)s);

-- default_privileges --
SELECT 'default privileges ' || CASE WHEN d.defaclrole = o.datdba THEN '@database-owner'
                                     ELSE quote_ident(pg_get_userbyid(d.defaclrole)) END
       || CASE WHEN d.defaclnamespace = 0 THEN ''
               ELSE ' in ' || d.defaclnamespace::regnamespace::text END
       || CASE d.defaclobjtype WHEN 'r' THEN ' on tables' WHEN 'S' THEN ' on sequences'
                               WHEN 'f' THEN ' on functions' WHEN 'T' THEN ' on types'
                               WHEN 'n' THEN ' on schemas' ELSE ' on ' || d.defaclobjtype::text END
       AS name, 'pg_default_acl' AS catalog, d.oid, d.defaclnamespace AS schema,
       jsonb_build_object('acl', (
           SELECT jsonb_agg(each ORDER BY each)
             FROM (SELECT CASE a.grantee WHEN d.defaclrole THEN '@owner' WHEN 0 THEN 'PUBLIC'
                               ELSE pg_get_userbyid(a.grantee) END || ' ' || a.privilege_type
                          || CASE WHEN a.is_grantable THEN ' with grant option' ELSE '' END
                     FROM aclexplode(d.defaclacl) AS a
                    WHERE a.privilege_type <> 'MAINTAIN') AS granted (each))) AS record
  FROM pg_default_acl AS d
  JOIN pg_database AS o ON o.datname = current_database()
 WHERE d.defaclnamespace = 0 OR d.defaclnamespace = ANY(%(schemas)s);

-- publications --
SELECT 'publication ' || quote_ident(p.pubname) AS name, 'pg_publication' AS catalog, p.oid,
       0::oid AS schema,
       jsonb_build_object(
           'all tables', p.puballtables, 'insert', p.pubinsert, 'update', p.pubupdate,
           'delete', p.pubdelete, 'truncate', p.pubtruncate, 'via root', p.pubviaroot,
           'tables', (SELECT jsonb_agg(r.prrelid::regclass::text
                                       ORDER BY r.prrelid::regclass::text)
                        FROM pg_publication_rel AS r JOIN pg_class AS c ON c.oid = r.prrelid
                       WHERE r.prpubid = p.oid AND c.relnamespace = ANY(%(schemas)s))
       ) AS record
  FROM pg_publication AS p;
