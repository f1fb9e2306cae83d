INSERT INTO f VALUES ('alpha');
