-- 1 change in 1 step on sqlite 3.46.0
-- 1 to create
-- hazard: blocks-writes (1 time)
--
-- Made by underpin. A script makes one attempt at each lock, keeps no journal, and does not check
-- that the database is still the one that was planned for; `underpin apply` does.
-- from 0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f
-- to   f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0

.bail on
-- Within a transaction this has no effect, and with it on a table that is made anew takes what refers to it along.
PRAGMA foreign_keys = OFF;

BEGIN IMMEDIATE;

-- s001: create index public.users_email_idx
--   locks: SHARE on public.users
--   blocks writes of public.users while every row is written anew or indexed; reads go on
--   hazard blocks-writes: an index is built over public.users
CREATE INDEX users_email_idx ON public.users USING btree (email);

COMMIT;

-- Rows that refer to nothing, if there are any; underpin apply holds them against those that were there before.
PRAGMA foreign_key_check;
