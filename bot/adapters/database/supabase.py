"""What every project of Supabase has, as far as migrations speak of it.

Columns and functions are those of https://supabase.com/docs/guides/auth/managing-user-data,
https://supabase.com/docs/guides/storage/schema/design and
https://supabase.com/docs/guides/storage/schema/helper-functions. Of extensions that only Supabase's
own server has there are functions of the same names and types: what they give is never looked at.
"""

ROLES = [
    *(("anon", ""), ("authenticated", ""), ("service_role", "BYPASSRLS")),
    *(("authenticator", "NOINHERIT"), ("supabase_admin", ""), ("supabase_auth_admin", "")),
    *(("supabase_storage_admin", ""), ("dashboard_user", "")),
]
"""Each with what it may do besides, in SQL."""
MEMBERS = [(role, "authenticator") for role in ("anon", "authenticated", "service_role")]
SCHEMA = """
CREATE SCHEMA auth; CREATE SCHEMA extensions; CREATE SCHEMA storage;
CREATE EXTENSION vector WITH SCHEMA extensions;
CREATE EXTENSION moddatetime WITH SCHEMA extensions;
CREATE EXTENSION earthdistance WITH SCHEMA extensions CASCADE;
GRANT USAGE ON SCHEMA public, extensions TO anon, authenticated, service_role;

CREATE FUNCTION extensions.uuid_generate_v1() RETURNS uuid LANGUAGE sql
    AS 'SELECT gen_random_uuid()';
CREATE FUNCTION extensions.uuid_generate_v4() RETURNS uuid LANGUAGE sql
    AS 'SELECT gen_random_uuid()';
CREATE FUNCTION extensions.gen_random_bytes(int) RETURNS bytea LANGUAGE sql AS 'SELECT ''''::bytea';
CREATE FUNCTION extensions.gen_salt(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION extensions.gen_salt(text, int) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION extensions.crypt(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION extensions.digest(text, text) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS 'SELECT convert_to($1, ''UTF8'')';
CREATE FUNCTION extensions.digest(bytea, text) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION extensions.hmac(text, text, text) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS 'SELECT convert_to($1, ''UTF8'')';
CREATE FUNCTION extensions.hmac(bytea, bytea, text) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS 'SELECT $1';

CREATE TABLE auth.users (
    instance_id uuid, id uuid PRIMARY KEY, aud varchar(255), role varchar(255),
    email varchar(255), encrypted_password varchar(255), email_confirmed_at timestamptz,
    invited_at timestamptz, last_sign_in_at timestamptz, raw_app_meta_data jsonb,
    raw_user_meta_data jsonb, is_super_admin boolean, created_at timestamptz,
    updated_at timestamptz, phone text UNIQUE, phone_confirmed_at timestamptz,
    confirmed_at timestamptz, banned_until timestamptz, deleted_at timestamptz,
    is_sso_user boolean NOT NULL DEFAULT false, is_anonymous boolean NOT NULL DEFAULT false);
ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE
    AS $$ SELECT nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;
CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql STABLE
    AS $$ SELECT current_setting('request.jwt.claim.role', true) $$;
CREATE FUNCTION auth.email() RETURNS text LANGUAGE sql STABLE
    AS $$ SELECT current_setting('request.jwt.claim.email', true) $$;
CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE
    AS $$ SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;

CREATE TABLE storage.buckets (
    id text PRIMARY KEY, name text NOT NULL UNIQUE, owner uuid,
    created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
    public boolean DEFAULT false, avif_autodetection boolean DEFAULT false,
    file_size_limit bigint, allowed_mime_types text[], owner_id text);
CREATE TABLE storage.objects (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), bucket_id text REFERENCES storage.buckets,
    name text, owner uuid, created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(), last_accessed_at timestamptz DEFAULT now(),
    metadata jsonb, path_tokens text[] GENERATED ALWAYS AS (string_to_array(name, '/')) STORED,
    version text, owner_id text, user_metadata jsonb);
CREATE UNIQUE INDEX bucketid_objname ON storage.objects (bucket_id, name);
ALTER TABLE storage.buckets ENABLE ROW LEVEL SECURITY;
ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION storage.foldername(name text) RETURNS text[] LANGUAGE sql IMMUTABLE
    AS $$ SELECT trim_array(string_to_array(name, '/'), 1) $$;
CREATE FUNCTION storage.filename(name text) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT split_part(name, '/', -1) $$;
CREATE FUNCTION storage.extension(name text) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT split_part(name, '.', -1) $$;

CREATE PUBLICATION supabase_realtime;
"""
