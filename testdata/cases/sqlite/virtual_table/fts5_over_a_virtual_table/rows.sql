INSERT INTO f VALUES ('alpha', 'x');
