-- What was held at each close, also before the exporter watched: from executions and prices where no snapshot says it.
CREATE TABLE positions_daily (
  symbol TEXT NOT NULL,
  date TEXT NOT NULL,
  ts REAL NOT NULL,
  quantity REAL,
  market_value REAL,
  cost_basis REAL,
  unrealized_pl REAL,
  rebuilt INTEGER NOT NULL,
  problem TEXT,
  PRIMARY KEY (symbol, date)
) WITHOUT ROWID;
CREATE INDEX positions_daily_date ON positions_daily (date);
