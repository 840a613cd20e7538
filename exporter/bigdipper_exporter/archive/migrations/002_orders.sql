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

-- Whose order. The bot's are those that its log names; where there is no log to say, every order counts as the bot's.
-- counted: 1 once the order is in the counters of the bot's orders. fills_count of a day are those of the bot's orders.
ALTER TABLE orders ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;
UPDATE orders SET counted = 1 WHERE ended IS NOT NULL;
CREATE INDEX orders_uncounted ON orders (ended) WHERE counted = 0 AND ended IS NOT NULL;
ALTER TABLE daily_stats ADD COLUMN fills_by_hand INTEGER NOT NULL DEFAULT 0;
-- The design form of the log names no order ids: an order to buy of that symbol on that day is taken for the bot's.
CREATE INDEX trades_without_order ON trades (symbol, date) WHERE order_id IS NULL;

-- One row per order: of_bot, what became of it (result), and the part of it that was executed (filled_ratio).
CREATE VIEW order_results AS
SELECT o.*,
  o.in_log OR NOT EXISTS (SELECT 1 FROM account_history WHERE source = 'log') AND NOT EXISTS (SELECT 1 FROM trades) AS of_bot,
  CASE
    WHEN o.ended IS NULL THEN 'open'
    WHEN o.status IN ('filled', 'replaced', 'unknown') THEN o.status
    WHEN o.filled_quantity > 0 THEN 'partly_filled'
    ELSE 'unfilled'
  END AS result,
  CASE
    WHEN o.status = 'filled' THEN 1.0
    ELSE MIN(1.0, COALESCE(o.filled_quantity / NULLIF(o.quantity, 0),
      o.filled_quantity * o.filled_avg_price / NULLIF(o.notional, 0), 0.0))
  END AS filled_ratio
FROM orders AS o;

-- One row per execution, with whose order it was.
CREATE VIEW fill_sources AS
SELECT f.*,
  EXISTS (SELECT 1 FROM trades AS t WHERE t.order_id = f.order_id)
  OR f.side = 'buy' AND EXISTS (SELECT 1 FROM trades AS t WHERE t.order_id IS NULL AND t.symbol = f.symbol AND t.date = f.date)
  OR NOT EXISTS (SELECT 1 FROM account_history WHERE source = 'log') AND NOT EXISTS (SELECT 1 FROM trades) AS of_bot
FROM fills AS f;
