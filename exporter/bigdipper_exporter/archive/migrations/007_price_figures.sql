-- What the exporter derives from prices, with the log and the broker; all of it can be made again.

-- The line below which the bot buys, for each day: highest close of the 19 sessions before it, less the threshold of that day.
CREATE TABLE dip_lines (
  symbol TEXT NOT NULL,
  date TEXT NOT NULL,
  high REAL NOT NULL,
  threshold REAL NOT NULL,
  line REAL NOT NULL,
  PRIMARY KEY (symbol, date)
) WITHOUT ROWID;

-- Where each followed symbol stands between its high and the line, at the newest price.
CREATE TABLE dip_triggers (
  symbol TEXT PRIMARY KEY,
  ts REAL NOT NULL,
  price REAL NOT NULL,
  high REAL NOT NULL,
  high_date TEXT NOT NULL,
  threshold REAL NOT NULL,
  line REAL NOT NULL,
  dip_ratio REAL NOT NULL,
  distance_ratio REAL NOT NULL,
  watched INTEGER NOT NULL
) WITHOUT ROWID;

-- One dip of one symbol for one reason, over consecutive sessions, and the total return that followed.
CREATE TABLE dip_episodes (
  symbol TEXT NOT NULL,
  reason TEXT NOT NULL,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  last REAL NOT NULL,
  days INTEGER NOT NULL,
  sightings INTEGER NOT NULL,
  dip_ratio REAL,
  price REAL,
  price_source TEXT NOT NULL,
  market_price REAL,
  bought INTEGER NOT NULL,
  size REAL,
  after_1 REAL,
  after_5 REAL,
  after_20 REAL,
  benchmark_1 REAL,
  benchmark_5 REAL,
  benchmark_20 REAL,
  lowest_20 REAL,
  PRIMARY KEY (symbol, reason, ts)
) WITHOUT ROWID;
CREATE INDEX dip_episodes_ts ON dip_episodes (ts);

-- The account and the benchmark over the same days: indices from 100, and the same deposits in the benchmark in dollars.
CREATE TABLE benchmark_days (
  date TEXT PRIMARY KEY,
  ts REAL NOT NULL,
  account_index REAL NOT NULL,
  benchmark_index REAL NOT NULL,
  account REAL NOT NULL,
  twin REAL,
  account_return REAL NOT NULL,
  benchmark_return REAL NOT NULL
) WITHOUT ROWID;

-- Lots of stocks, first in first out; closed is NULL while a lot is held.
CREATE TABLE lots (
  id INTEGER PRIMARY KEY,
  symbol TEXT NOT NULL,
  ts REAL NOT NULL,
  closed REAL,
  quantity REAL NOT NULL,
  entry REAL NOT NULL,
  price REAL,
  profit REAL,
  sessions INTEGER NOT NULL,
  worst_ratio REAL,
  best_ratio REAL
);
CREATE INDEX lots_symbol ON lots (symbol, ts);

-- Statistics of closed lots in groups, beside the open ones.
CREATE TABLE trade_figures (
  grouping TEXT NOT NULL,
  name TEXT NOT NULL,
  lots INTEGER NOT NULL,
  win_rate REAL,
  expectancy REAL,
  profit_factor REAL,
  quality REAL,
  winner_sessions REAL,
  loser_sessions REAL,
  worst_ratio REAL,
  best_ratio REAL,
  open_lots INTEGER NOT NULL,
  open_profit REAL,
  PRIMARY KEY (grouping, name)
) WITHOUT ROWID;
