-- made anew: nothing
create table "t" ([a] INTEGER check (A>0), `b` TEXT);
create view [v] as select a from T;
