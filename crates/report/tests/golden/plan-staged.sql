-- 4 changes in 6 steps on postgres 15.4
-- 1 to create, 2 to alter, 1 to drop
-- hazard: data-loss (1 time)
-- hazard: blocks-reads (1 time)
-- hazard: blocks-writes (1 time)
--
-- Made by underpin. A script makes one attempt at each lock, keeps no journal, and does not check
-- that the database is still the one that was planned for; `underpin apply` does.
-- from 0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f
-- to   f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0
-- note[owners-not-compared]: the owners of 3 objects are not compared
-- warning[copy-data-skipped]: the rows of this COPY are not loaded
-- error[syntax]: syntax error at or near "TABEL"

\set ON_ERROR_STOP on
SET search_path = pg_catalog;
SET check_function_bodies = off;
SET standard_conforming_strings = on;
SET client_min_messages = warning;

-- ==== stage 1 of 3: expand ====

BEGIN;

-- s001: create column public.users.name
--   locks: ACCESS EXCLUSIVE on public.users
--   blocks reads and writes of public.users for an instant
SET LOCAL lock_timeout = 1000;
SET LOCAL statement_timeout = 0;
ALTER TABLE public.users ADD COLUMN name text;

COMMIT;

-- ==== stage 2 of 3: backfill ====

-- s002: create column public.users.name
--   why: Rows that were there before have their value in the old column only.
--   locks: ROW EXCLUSIVE on public.users
--   goes through the rows of public.users and writes; others wait only for a row that it is at
--   underpin runs this in small batches; here it is one statement for all rows
SET lock_timeout = 1000;
SET statement_timeout = 0;
UPDATE public.users SET name = login WHERE name IS NULL;

-- s003: Every row has a name before the old column goes.
--   locks: ACCESS SHARE on public.users
--   reads every row of public.users; reads and writes go on
--   a check: go on only if it holds
DO $underpin$
DECLARE _underpin_row record;
BEGIN
FOR _underpin_row IN
SELECT NOT EXISTS (SELECT FROM public.users WHERE name IS NULL)
LOOP
IF (SELECT value FROM json_each_text(row_to_json(_underpin_row)) LIMIT 1) IS DISTINCT FROM 'true' THEN
RAISE EXCEPTION 'the check of step s003 does not hold';
END IF;
END LOOP;
END $underpin$;

BEGIN;

-- s004: alter column public.users.name: not null
--   locks: SHARE UPDATE EXCLUSIVE on public.users
--   reads every row of public.users; reads and writes go on
SET LOCAL lock_timeout = 1000;
SET LOCAL statement_timeout = 0;
ALTER TABLE public.users VALIDATE CONSTRAINT _underpin_name_not_null;

COMMIT;

-- ==== stage 3 of 3: contract ====
-- gate: Every running application writes public.users.name and no longer reads public.users.login; deploy that and wait until the old one is gone.
\prompt 'Every running application writes public.users.name and no longer reads public.users.login; deploy that and wait until the old one is gone. Enter to go on, Ctrl-C to stop: ' underpin_gate

BEGIN;

-- s005: drop column public.users.login
--   from: schema/users.sql:3
--   locks: ACCESS EXCLUSIVE on public.users
--   blocks reads and writes of public.users until the commit, while every row is written anew or indexed in step s006
--   hazard data-loss: the values of public.users.login are gone afterwards; they cannot be brought back.
SET LOCAL lock_timeout = 1000;
SET LOCAL statement_timeout = 0;
ALTER TABLE public.users DROP COLUMN login;

-- s006: alter column public.orders.total: type
--   locks: ACCESS EXCLUSIVE on public.orders
--   blocks reads and writes of public.orders while every row is written anew or indexed
--   hazard blocks-reads: no online way to change a column of the partition key is known
--   hazard blocks-writes: the same
ALTER TABLE public.orders ALTER COLUMN total TYPE bigint;

COMMIT;
