INSERT INTO t VALUES (1, 'n'), (2, NULL);
INSERT INTO two VALUES (1, 'x', 'y', 'z');
INSERT INTO fine VALUES (1, 'p', 'q');
