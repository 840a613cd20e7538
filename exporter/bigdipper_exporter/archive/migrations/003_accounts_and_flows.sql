-- Figures of a day without deposits; see money/returns.py. profit, return_ratio: NULL when the value of a flow is unknown.
-- adjusted_peak: highest equity so far, deposits taken out, in dollars of that day. A day without trading has no profit of its own:
-- its money belongs to the next trading day.
ALTER TABLE daily_stats ADD COLUMN profit REAL;
ALTER TABLE daily_stats ADD COLUMN deposits REAL;
ALTER TABLE daily_stats ADD COLUMN withdrawals REAL;
ALTER TABLE daily_stats ADD COLUMN adjusted_peak REAL;
UPDATE daily_stats SET deposits = max(cash_flow, 0), withdrawals = max(-cash_flow, 0) WHERE cash_flow IS NOT NULL;
UPDATE daily_stats SET profit = ending_equity - starting_equity - coalesce(cash_flow, 0)
  WHERE trading_day = 1 OR equity_source = 'log';

-- pl_percent has one meaning in every row: unrealised profit in percent of equity, as the bot's log prints it.
UPDATE account_history SET pl_percent = CASE WHEN equity > 0 THEN 100 * pl_dollar / equity END WHERE source = 'alpaca';

-- Flows seen in the account answer before their activity: from intraday_adjustments, or from cash that no trade explains.
CREATE TABLE noticed_flows (ts REAL PRIMARY KEY, amount REAL NOT NULL) WITHOUT ROWID;

-- The broker's closes from portfolio history, rounded to the cent; `archive repair` uses them.
CREATE TABLE portfolio_history (date TEXT PRIMARY KEY, equity REAL NOT NULL) WITHOUT ROWID;

-- Answers that were not believed: reason as in bigdipper_account_implausible_total.
CREATE TABLE implausible_answers (
  ts REAL NOT NULL,
  endpoint TEXT NOT NULL,
  reason TEXT NOT NULL,
  equity REAL,
  cash REAL,
  long_market_value REAL,
  short_market_value REAL,
  last_equity REAL,
  PRIMARY KEY (ts, endpoint, reason)
) WITHOUT ROWID;

-- The accounts seen under these keys. Every table of the broker's rows holds the present account; the rows of the others wait in
-- former_* tables, which are made when an account leaves, and come back with it.
CREATE TABLE accounts (account_id TEXT PRIMARY KEY, first_seen REAL NOT NULL, present INTEGER NOT NULL, checkpoint TEXT) WITHOUT ROWID;
INSERT INTO accounts (account_id, first_seen, present)
  SELECT json_extract(value, '$.account_id'), coalesce(json_extract(value, '$.created'), 0), 1
  FROM state WHERE key = 'broker' AND json_extract(value, '$.account_id') IS NOT NULL;
