INSERT INTO t VALUES (1), (2);
INSERT INTO _underpin_new_t VALUES (3);
INSERT INTO said VALUES (4);
INSERT INTO f VALUES ('a word');
INSERT INTO _underpin_new_f_data VALUES (5);
