-- What followed episodes of dips, in groups: by reason, and by depth.
CREATE TABLE dip_outcomes (
  grouping TEXT NOT NULL,
  name TEXT NOT NULL,
  horizon INTEGER NOT NULL,
  episodes INTEGER NOT NULL,
  known INTEGER NOT NULL,
  weeks INTEGER NOT NULL,
  lower REAL,
  median REAL,
  upper REAL,
  positive REAL,
  excess REAL,
  dollars REAL,
  PRIMARY KEY (grouping, name, horizon)
) WITHOUT ROWID;

-- Whose purchase a lot is: the statistics of trades are of those that the bot bought.
ALTER TABLE lots ADD COLUMN of_bot INTEGER NOT NULL DEFAULT 1;
