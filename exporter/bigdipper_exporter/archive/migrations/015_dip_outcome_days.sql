-- Dips of a day by outcome alone: most panels need no depth, and dips of scattered depths have many rows a day in `dip_days`.
-- Kept by triggers on that table. Delete and insert, because an OR clause of the statement outside would replace one in here.
CREATE TABLE dip_outcome_days (
  date TEXT NOT NULL,
  symbol TEXT NOT NULL,
  outcome TEXT NOT NULL,
  dips INTEGER NOT NULL,
  score REAL,
  dip_percent REAL,
  ts REAL NOT NULL,
  PRIMARY KEY (date, symbol, outcome)
) WITHOUT ROWID;

INSERT INTO dip_outcome_days
SELECT date, symbol, outcome, sum(dips), max(score), dip_percent, ts FROM dip_days GROUP BY date, symbol, outcome;

CREATE TRIGGER dip_outcome_days_new AFTER INSERT ON dip_days
BEGIN
  DELETE FROM dip_outcome_days WHERE date = new.date AND symbol = new.symbol AND outcome = new.outcome;
  INSERT INTO dip_outcome_days
  SELECT date, symbol, outcome, sum(dips), max(score), dip_percent, ts FROM dip_days
  WHERE date = new.date AND symbol = new.symbol AND outcome = new.outcome GROUP BY date, symbol, outcome;
END;

CREATE TRIGGER dip_outcome_days_changed AFTER UPDATE ON dip_days
BEGIN
  DELETE FROM dip_outcome_days WHERE date = new.date AND symbol = new.symbol AND outcome = new.outcome;
  INSERT INTO dip_outcome_days
  SELECT date, symbol, outcome, sum(dips), max(score), dip_percent, ts FROM dip_days
  WHERE date = new.date AND symbol = new.symbol AND outcome = new.outcome GROUP BY date, symbol, outcome;
END;

CREATE TRIGGER dip_outcome_days_gone AFTER DELETE ON dip_days
BEGIN
  DELETE FROM dip_outcome_days WHERE date = old.date AND symbol = old.symbol AND outcome = old.outcome;
  INSERT INTO dip_outcome_days
  SELECT date, symbol, outcome, sum(dips), max(score), dip_percent, ts FROM dip_days
  WHERE date = old.date AND symbol = old.symbol AND outcome = old.outcome GROUP BY date, symbol, outcome;
END;
