-- Checksums of the log's lines, by which an older copy of it is recognised that was put in its place (log/checksums.py).
CREATE TABLE log_checksums (
  generation INTEGER NOT NULL,
  start INTEGER NOT NULL,
  size INTEGER NOT NULL,
  sums BLOB NOT NULL,
  PRIMARY KEY (generation, start)
);
