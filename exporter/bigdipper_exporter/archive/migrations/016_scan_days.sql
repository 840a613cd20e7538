-- Scans of a day and what they found: a bot that scans once a minute has more than a million of them in five years, and a board
-- sums them up. Kept by triggers, so that the sums are right whoever inserts, upserts or deletes (INSERT OR REPLACE fires no
-- trigger for what it deletes; nothing writes `scans` by it).
CREATE TABLE scan_days (
  date TEXT NOT NULL PRIMARY KEY,
  scans INTEGER NOT NULL,
  found INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO scan_days SELECT date, count(*), sum(found) FROM scans GROUP BY date;

CREATE TRIGGER scan_days_new AFTER INSERT ON scans
BEGIN
  INSERT INTO scan_days VALUES (new.date, 1, new.found)
  ON CONFLICT (date) DO UPDATE SET scans = scans + 1, found = found + excluded.found;
END;

CREATE TRIGGER scan_days_changed AFTER UPDATE ON scans
WHEN old.found <> new.found OR old.date <> new.date
BEGIN
  UPDATE scan_days SET scans = scans - 1, found = found - old.found WHERE date = old.date;
  INSERT INTO scan_days VALUES (new.date, 1, new.found)
  ON CONFLICT (date) DO UPDATE SET scans = scans + 1, found = found + excluded.found;
  DELETE FROM scan_days WHERE date = old.date AND scans <= 0;
END;

CREATE TRIGGER scan_days_gone AFTER DELETE ON scans
BEGIN
  UPDATE scan_days SET scans = scans - 1, found = found - old.found WHERE date = old.date;
  DELETE FROM scan_days WHERE date = old.date AND scans <= 0;
END;
