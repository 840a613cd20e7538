-- The archive of one bot. Times (`ts`, `started`, ...) are unix seconds; `date` is the New York trading day (YYYY-MM-DD).
-- *_percent and pl_percent are percent, *_ratio are ratios (15 % is 0.15), money is US dollars.
-- A row that a log line made has id = generation << 40 | byte offset of that line: the identity that makes "exactly once" checkable.
-- A row that a poll of the broker made has a negative id: -(unix milliseconds of the answer).

CREATE TABLE schema_version (
  version INTEGER PRIMARY KEY,
  applied REAL NOT NULL,
  exporter TEXT NOT NULL
);

-- How far each generation of the log has been read; committed together with what was read (exporter/log/tail.py).
CREATE TABLE checkpoints (
  generation INTEGER PRIMARY KEY,
  path TEXT NOT NULL,
  device INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  "offset" INTEGER NOT NULL,
  head BLOB NOT NULL,
  tail BLOB NOT NULL,
  skipping INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  updated REAL NOT NULL
);

-- The present that a restart needs, as JSON: the fold over all events so far (exporter/state.py).
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Prometheus counters go on after a restart: labels is a JSON array in the order of the metric table.
CREATE TABLE counters (
  name TEXT NOT NULL,
  labels TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (name, labels)
) WITHOUT ROWID;

-- What the log lost before anyone could read it (reason: see exporter/log/tail.py).
CREATE TABLE gaps (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  ts REAL NOT NULL,
  generation INTEGER NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL
);

-- One row per cycle (source 'log') or per poll of the account (source 'alpaca').
CREATE TABLE account_history (
  id INTEGER PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('log', 'alpaca')),
  cycle_number INTEGER,
  equity REAL,
  cash REAL,
  margin_ratio REAL,
  leverage_ratio REAL,
  margin_debt REAL,
  pl_dollar REAL,
  pl_percent REAL,
  market_status TEXT,
  last_equity REAL,
  buying_power REAL,
  long_market_value REAL,
  short_market_value REAL,
  initial_margin REAL,
  maintenance_margin REAL
);
CREATE INDEX account_history_ts ON account_history (source, ts);

-- Orders submitted, as the log told. Whether they filled is in `orders`.
CREATE TABLE trades (
  id INTEGER PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  cycle_number INTEGER,
  symbol TEXT NOT NULL,
  quantity REAL NOT NULL,
  price REAL NOT NULL,
  total_value REAL NOT NULL,
  order_id TEXT
);
CREATE INDEX trades_ts ON trades (ts);
CREATE INDEX trades_order ON trades (order_id) WHERE order_id IS NOT NULL;

-- Missed trades, one by one. Routine skips are in skip_counts.
CREATE TABLE skips (
  id INTEGER PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  cycle_number INTEGER,
  symbol TEXT NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  dip_percent REAL
);
CREATE INDEX skips_ts ON skips (ts);

-- Routine skips (below_absolute_min, below_threshold, position_at_max, cooldown): sums per hour (`hour` = unix seconds of its start).
CREATE TABLE skip_counts (
  hour INTEGER NOT NULL,
  symbol TEXT NOT NULL,
  reason TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (hour, symbol, reason)
) WITHOUT ROWID;

-- One row per cycle and symbol, whichever lines told of it.
-- outcome: submitted, rejected, capital, too_small, missed_brake, unknown; reason: the reason code of a rejection.
CREATE TABLE opportunities (
  id INTEGER PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  cycle_number INTEGER,
  symbol TEXT NOT NULL,
  dip_percent REAL,
  price REAL,
  score REAL,
  outcome TEXT NOT NULL,
  reason TEXT,
  threshold_percent REAL,
  volatility_factor REAL,
  size_factor REAL
);
CREATE INDEX opportunities_ts ON opportunities (ts);
CREATE INDEX opportunities_symbol_ts ON opportunities (symbol, ts);

-- Brake episodes; ended is NULL while one is open. margin/leverage: the level that started it; peak_ratio: the worst that its lines named.
CREATE TABLE brake_events (
  id INTEGER PRIMARY KEY,
  started REAL NOT NULL,
  ended REAL,
  date TEXT NOT NULL,
  duration_seconds REAL,
  cycles INTEGER NOT NULL,
  margin_ratio REAL,
  leverage_ratio REAL,
  peak_ratio REAL,
  margin_debt REAL,
  equity REAL,
  position_value REAL,
  reduce_usd REAL,
  missed_opportunities INTEGER NOT NULL,
  last_seen REAL NOT NULL
);
CREATE INDEX brake_events_started ON brake_events (started);

-- Starts and stops of the bot, halts and errors: kind 'start', 'stop', 'halt', 'error'; cause: the label of the metric.
CREATE TABLE bot_events (
  id INTEGER PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  kind TEXT NOT NULL,
  cause TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX bot_events_ts ON bot_events (kind, ts);

-- One row per scan that found something or nothing: the funnel's mouth.
CREATE TABLE scans (
  id INTEGER PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  cycle_number INTEGER,
  found INTEGER NOT NULL,
  largest_dip_symbol TEXT,
  largest_dip_percent REAL
);
CREATE INDEX scans_ts ON scans (ts);

-- What the broker held, at most every 15 minutes and at every change of quantity; quantity 0 marks the close of a position.
CREATE TABLE position_snapshots (
  ts REAL NOT NULL,
  symbol TEXT NOT NULL,
  date TEXT NOT NULL,
  asset_class TEXT,
  quantity REAL,
  market_value REAL,
  cost_basis REAL,
  unrealized_pl REAL,
  unrealized_pl_pct REAL,
  intraday_pl REAL,
  avg_entry_price REAL,
  current_price REAL,
  PRIMARY KEY (symbol, ts)
) WITHOUT ROWID;
CREATE INDEX position_snapshots_ts ON position_snapshots (ts);
CREATE INDEX position_snapshots_closed ON position_snapshots (symbol, ts) WHERE quantity = 0;

-- Every order the broker knows, followed to its end. in_log: 1 when a line of the log named it.
CREATE TABLE orders (
  order_id TEXT PRIMARY KEY,
  client_order_id TEXT,
  symbol TEXT NOT NULL,
  side TEXT,
  type TEXT,
  quantity REAL,
  notional REAL,
  limit_price REAL,
  filled_quantity REAL,
  filled_avg_price REAL,
  status TEXT NOT NULL,
  date TEXT NOT NULL,
  submitted REAL NOT NULL,
  updated REAL,
  filled REAL,
  ended REAL,
  time_to_fill_seconds REAL,
  slippage_bps REAL,
  extended_hours INTEGER,
  replaced_by TEXT,
  in_log INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX orders_submitted ON orders (submitted);
CREATE INDEX orders_open ON orders (submitted) WHERE ended IS NULL;

-- Executions. realized_pl: against FIFO lots; NULL where the lots are incomplete.
CREATE TABLE fills (
  activity_id TEXT PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  symbol TEXT NOT NULL,
  side TEXT NOT NULL,
  quantity REAL NOT NULL,
  price REAL NOT NULL,
  value REAL NOT NULL,
  order_id TEXT,
  realized_pl REAL
) WITHOUT ROWID;
CREATE INDEX fills_ts ON fills (ts);
CREATE INDEX fills_symbol ON fills (symbol, ts);
CREATE INDEX fills_order ON fills (order_id);

-- Everything else on the account: dividends, fees, interest, deposits, withdrawals, splits, transfers.
CREATE TABLE activities (
  activity_id TEXT PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  type TEXT NOT NULL,
  sub_type TEXT,
  symbol TEXT,
  quantity REAL,
  price REAL,
  net_amount REAL,
  status TEXT,
  description TEXT
) WITHOUT ROWID;
CREATE INDEX activities_ts ON activities (ts);

-- One row per New York trading day. equity_source says whose equity the five equity columns hold: never a mixture.
-- return_ratio: cash-flow adjusted; drawdown_ratio: from the peak of the cash-flow adjusted equity (<= 0).
CREATE TABLE daily_stats (
  date TEXT PRIMARY KEY,
  ts REAL NOT NULL,
  trading_day INTEGER NOT NULL,
  cycles INTEGER NOT NULL DEFAULT 0,
  trades_count INTEGER NOT NULL DEFAULT 0,
  total_deployed REAL NOT NULL DEFAULT 0,
  equity_source TEXT,
  starting_equity REAL,
  ending_equity REAL,
  peak_equity REAL,
  trough_equity REAL,
  max_margin_ratio REAL,
  max_leverage_ratio REAL,
  brake_events INTEGER NOT NULL DEFAULT 0,
  brake_seconds REAL NOT NULL DEFAULT 0,
  missed_trades INTEGER NOT NULL DEFAULT 0,
  wash_trade_rejections INTEGER NOT NULL DEFAULT 0,
  opportunities INTEGER NOT NULL DEFAULT 0,
  fills_count INTEGER NOT NULL DEFAULT 0,
  realized_pl REAL,
  unrealized_change REAL,
  dividends REAL,
  fees REAL,
  interest REAL,
  cash_flow REAL,
  other REAL,
  return_ratio REAL,
  drawdown_ratio REAL
) WITHOUT ROWID;

-- Where the log and the broker disagree. kind: fill_without_log, log_without_order, position_changed, equity, margin.
CREATE TABLE discrepancies (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  kind TEXT NOT NULL,
  symbol TEXT,
  order_id TEXT,
  log_value REAL,
  broker_value REAL,
  detail TEXT NOT NULL,
  resolved REAL
);
CREATE INDEX discrepancies_ts ON discrepancies (ts);
CREATE UNIQUE INDEX discrepancies_order ON discrepancies (kind, order_id) WHERE order_id IS NOT NULL;

-- The bot's own settings (--bot.config): one row per change; the newest row of a setting is the present. value NULL: removed.
CREATE TABLE bot_config (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  ts REAL NOT NULL,
  setting TEXT NOT NULL,
  value TEXT,
  previous TEXT
);
CREATE INDEX bot_config_setting ON bot_config (setting, id);

-- What is wrong with the present bot configuration (rewritten at each change). severity: error, warning, info.
CREATE TABLE bot_config_findings (
  ts REAL NOT NULL,
  severity TEXT NOT NULL,
  setting TEXT NOT NULL,
  message TEXT NOT NULL
);

-- Loss sales and their 61 days (an aid, not tax advice): buys inside the window; status 'known' or 'unknown' (lots incomplete).
CREATE TABLE wash_sales (
  activity_id TEXT PRIMARY KEY,
  symbol TEXT NOT NULL,
  sold REAL NOT NULL,
  date TEXT NOT NULL,
  quantity REAL NOT NULL,
  loss REAL,
  window_end REAL NOT NULL,
  bought_before REAL NOT NULL,
  bought_after REAL NOT NULL,
  status TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX wash_sales_symbol ON wash_sales (symbol, sold);

-- Loaded from the sector file at start (setting sectors.file).
CREATE TABLE sectors (symbol TEXT PRIMARY KEY, sector TEXT NOT NULL) WITHOUT ROWID;
