-- 4 changes in 4 steps on postgres 15.4
-- 3 to create, 1 to alter
--
-- Made by underpin. A script makes one attempt at each lock, keeps no journal, and does not check
-- that the database is still the one that was planned for; `underpin apply` does.
-- from 0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f
-- to   f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0

\set ON_ERROR_STOP on
SET search_path = pg_catalog;
SET check_function_bodies = off;
SET standard_conforming_strings = on;
SET client_min_messages = warning;

BEGIN;

-- s001: create table public.orders
--   from: schema/orders.sql:1
SET LOCAL lock_timeout = 1000;
SET LOCAL statement_timeout = 0;
CREATE TABLE public.orders (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  user_id bigint NOT NULL
);

-- s002: create constraint public.orders.orders_user_id_fkey
--   from: schema/orders.sql:4
--   locks: SHARE ROW EXCLUSIVE on public.users
--   blocks writes of public.users for an instant; reads go on
ALTER TABLE public.orders ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users (id);

COMMIT;

-- s003: create index public.users_email_idx
--   why: A plain CREATE INDEX stops every write of the table until the index is built.
--   from: schema/users.sql:9
--   locks: SHARE UPDATE EXCLUSIVE on public.users
--   reads every row of public.users and builds from it; reads and writes go on
SET lock_timeout = 0;
SET statement_timeout = 0;
CREATE INDEX CONCURRENTLY users_email_idx ON public.users USING btree (email);

BEGIN;

-- s004: alter view public.names: definition
--   locks: ACCESS EXCLUSIVE on public.names
--   blocks reads and writes of public.names for an instant
SET LOCAL lock_timeout = 1000;
SET LOCAL statement_timeout = 0;
CREATE OR REPLACE VIEW public.names AS
 SELECT id,
    email -- not the login
   FROM public.users -- all
;

COMMIT;
