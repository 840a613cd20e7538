-- What changed last, in the order of the commits: the live channel reads it. Triggers write it in the transaction of the rows, so
-- that no reader misses a row, whichever writer it came from. Rows older than a week (a log read for the first time) are no news.
-- A later migration that rebuilds one of these tables must make its triggers again.
CREATE TABLE changes (
  seq INTEGER PRIMARY KEY,
  channel TEXT NOT NULL,
  ts REAL NOT NULL,
  row INTEGER,
  symbol TEXT
);

-- The newest 50,000 stay: about a week of a bot.
CREATE TRIGGER changes_bounded AFTER INSERT ON changes BEGIN
  DELETE FROM changes WHERE seq <= NEW.seq - 50000;
END;

CREATE TRIGGER changes_trades AFTER INSERT ON trades
WHEN NEW.ts > CAST(strftime('%s', 'now') AS INTEGER) - 604800 BEGIN
  INSERT INTO changes (channel, ts, row) VALUES ('trades', NEW.ts, NEW.id);
END;

CREATE TRIGGER changes_skips AFTER INSERT ON skips
WHEN NEW.ts > CAST(strftime('%s', 'now') AS INTEGER) - 604800 BEGIN
  INSERT INTO changes (channel, ts, row) VALUES ('skips', NEW.ts, NEW.id);
END;

CREATE TRIGGER changes_opportunities AFTER INSERT ON opportunities
WHEN NEW.ts > CAST(strftime('%s', 'now') AS INTEGER) - 604800 BEGIN
  INSERT INTO changes (channel, ts, row) VALUES ('opportunities', NEW.ts, NEW.id);
END;
CREATE TRIGGER changes_outcomes AFTER UPDATE ON opportunities
WHEN NEW.ts > CAST(strftime('%s', 'now') AS INTEGER) - 604800
  AND (OLD.outcome IS NOT NEW.outcome OR OLD.reason IS NOT NEW.reason) BEGIN
  INSERT INTO changes (channel, ts, row) VALUES ('opportunities', NEW.ts, NEW.id);
END;

CREATE TRIGGER changes_brakes AFTER INSERT ON brake_events
WHEN NEW.last_seen > CAST(strftime('%s', 'now') AS INTEGER) - 604800 BEGIN
  INSERT INTO changes (channel, ts, row) VALUES ('brake', NEW.started, NEW.id);
END;
CREATE TRIGGER changes_brake_cycles AFTER UPDATE ON brake_events
WHEN NEW.last_seen > CAST(strftime('%s', 'now') AS INTEGER) - 604800
  AND (OLD.ended IS NOT NEW.ended OR OLD.cycles IS NOT NEW.cycles OR OLD.missed_opportunities IS NOT NEW.missed_opportunities) BEGIN
  INSERT INTO changes (channel, ts, row) VALUES ('brake', NEW.started, NEW.id);
END;

CREATE TRIGGER changes_accounts AFTER INSERT ON account_history
WHEN NEW.ts > CAST(strftime('%s', 'now') AS INTEGER) - 604800 BEGIN
  INSERT INTO changes (channel, ts, row) VALUES ('account', NEW.ts, NEW.id);
END;
CREATE TRIGGER changes_account_figures AFTER UPDATE ON account_history
WHEN NEW.ts > CAST(strftime('%s', 'now') AS INTEGER) - 604800
  AND (OLD.equity IS NOT NEW.equity OR OLD.cash IS NOT NEW.cash OR OLD.pl_dollar IS NOT NEW.pl_dollar) BEGIN
  INSERT INTO changes (channel, ts, row) VALUES ('account', NEW.ts, NEW.id);
END;

CREATE TRIGGER changes_positions AFTER INSERT ON position_snapshots
WHEN NEW.ts > CAST(strftime('%s', 'now') AS INTEGER) - 604800 BEGIN
  INSERT INTO changes (channel, ts, symbol) VALUES ('positions', NEW.ts, NEW.symbol);
END;
