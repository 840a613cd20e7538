-- Prices from the market data API: raw bars, as traded. Splits and dividends are beside them in corporate_actions, since adjusted
-- history would change with every one of them.
CREATE TABLE prices_daily (
  symbol TEXT NOT NULL,
  date TEXT NOT NULL,
  open REAL NOT NULL,
  high REAL NOT NULL,
  low REAL NOT NULL,
  close REAL NOT NULL,
  volume REAL,
  trades INTEGER,
  vwap REAL,
  feed TEXT NOT NULL,
  read REAL NOT NULL,
  complete INTEGER NOT NULL,
  PRIMARY KEY (symbol, date)
) WITHOUT ROWID;
CREATE INDEX prices_daily_date ON prices_daily (date);

CREATE TABLE prices_minute (
  symbol TEXT NOT NULL,
  ts REAL NOT NULL,
  open REAL NOT NULL,
  high REAL NOT NULL,
  low REAL NOT NULL,
  close REAL NOT NULL,
  volume REAL,
  feed TEXT NOT NULL,
  read REAL NOT NULL,
  PRIMARY KEY (symbol, ts)
) WITHOUT ROWID;
CREATE INDEX prices_minute_ts ON prices_minute (ts);

CREATE TABLE corporate_actions (
  action_id TEXT PRIMARY KEY,
  symbol TEXT NOT NULL,
  kind TEXT NOT NULL,
  ex_date TEXT NOT NULL,
  process_date TEXT,
  old_rate REAL,
  new_rate REAL,
  cash REAL,
  special INTEGER,
  new_symbol TEXT,
  feed TEXT NOT NULL,
  read REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX corporate_actions_symbol ON corporate_actions (symbol, ex_date);

-- Which days were asked for, per symbol: a day inside without a bar has none. problem: why a symbol has no prices.
CREATE TABLE price_coverage (
  symbol TEXT PRIMARY KEY,
  first TEXT NOT NULL,
  last TEXT NOT NULL,
  problem TEXT,
  read REAL NOT NULL
) WITHOUT ROWID;

-- The same for minute bars: the hours around the events of one symbol on one day.
CREATE TABLE minute_coverage (
  symbol TEXT NOT NULL,
  date TEXT NOT NULL,
  first REAL NOT NULL,
  last REAL NOT NULL,
  read REAL NOT NULL,
  PRIMARY KEY (symbol, date)
) WITHOUT ROWID;
