-- Other thresholds replayed over daily bars, and the check of that replay against the bot's orders; all of it can be made again.
CREATE TABLE threshold_signals (
  symbol TEXT NOT NULL,
  threshold REAL NOT NULL,
  reached TEXT NOT NULL,
  part TEXT NOT NULL,
  horizon INTEGER NOT NULL,
  days INTEGER NOT NULL,
  episodes INTEGER NOT NULL,
  known INTEGER NOT NULL,
  weeks INTEGER NOT NULL,
  lower REAL,
  median REAL,
  upper REAL,
  positive REAL,
  excess REAL,
  PRIMARY KEY (symbol, threshold, reached, part, horizon)
) WITHOUT ROWID;

CREATE TABLE replay_checks (
  symbol TEXT PRIMARY KEY,
  first TEXT,
  last TEXT,
  later TEXT,
  purchases INTEGER NOT NULL,
  found INTEGER NOT NULL,
  outside_hours INTEGER NOT NULL,
  not_in_bars INTEGER NOT NULL,
  signals INTEGER NOT NULL,
  named INTEGER NOT NULL,
  recall REAL,
  precision REAL,
  why TEXT
) WITHOUT ROWID;
