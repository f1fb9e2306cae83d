-- 1 change in 1 step on mariadb 11.4.2
-- 1 to create
-- hazard: blocks-writes (1 time)
--
-- Made by underpin. A script makes one attempt at each lock, keeps no journal, and does not check
-- that the database is still the one that was planned for; `underpin apply` does.
-- from 0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f
-- to   f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0

BEGIN;

-- s001: create index public.users_email_idx
--   locks: SHARE on public.users
--   blocks writes of public.users while every row is written anew or indexed; reads go on
--   hazard blocks-writes: an index is built over public.users
--   limits: 1000 ms for a lock, 0 ms for a statement (0: none)
CREATE INDEX users_email_idx ON public.users USING btree (email);

COMMIT;
