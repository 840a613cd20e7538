-- Wash sales by the rule: what each one defers, and whether a long or a short position was closed. Older rows are derived again.
ALTER TABLE wash_sales ADD COLUMN side TEXT NOT NULL DEFAULT 'long';
ALTER TABLE wash_sales ADD COLUMN disallowed REAL;

-- Executions, with `value` NULL for an option contract whose size is not known.
ALTER TABLE fills RENAME TO old_fills;
CREATE TABLE fills (
  activity_id TEXT PRIMARY KEY,
  ts REAL NOT NULL,
  date TEXT NOT NULL,
  symbol TEXT NOT NULL,
  side TEXT NOT NULL,
  quantity REAL NOT NULL,
  price REAL NOT NULL,
  value REAL,
  order_id TEXT,
  realized_pl REAL
) WITHOUT ROWID;
INSERT INTO fills SELECT activity_id, ts, date, symbol, side, quantity, price, value, order_id, realized_pl FROM old_fills;
DROP TABLE old_fills;
CREATE INDEX fills_ts ON fills (ts);
CREATE INDEX fills_symbol ON fills (symbol, ts);
CREATE INDEX fills_order ON fills (order_id);
