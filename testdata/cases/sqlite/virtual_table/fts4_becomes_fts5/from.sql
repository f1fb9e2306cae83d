CREATE VIRTUAL TABLE f USING fts4(title, body, tokenize=porter);
CREATE VIRTUAL TABLE g USING fts3(words);
