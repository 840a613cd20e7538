-- One trigger per kind of change keeps both sums of dips, where those of `dip_outcome_days` were made again for every row of
-- `dip_days` that changed. Of dips with the same score, `dip_outcome_days` has the deepest, and `dip_days` the first.
DROP TRIGGER dip_outcome_days_new;
DROP TRIGGER dip_outcome_days_changed;
DROP TRIGGER dip_outcome_days_gone;
DROP TRIGGER dip_days_new;
DROP TRIGGER dip_days_changed;
DROP TRIGGER dip_days_gone;

CREATE TRIGGER dips_new AFTER INSERT ON opportunities
BEGIN
  INSERT INTO dip_days
  VALUES (new.date, new.symbol, new.outcome, coalesce(CAST(new.dip_percent AS INTEGER), 1), 1, new.score, new.dip_percent, new.ts)
  ON CONFLICT (date, symbol, outcome, depth) DO UPDATE SET
    dips = dips + 1,
    dip_percent = CASE WHEN excluded.score > coalesce(score, -1) THEN excluded.dip_percent ELSE dip_percent END,
    ts = CASE WHEN excluded.score > coalesce(score, -1) THEN excluded.ts ELSE ts END,
    score = CASE WHEN excluded.score > coalesce(score, -1) THEN excluded.score ELSE score END;
  INSERT INTO dip_outcome_days
  VALUES (new.date, new.symbol, new.outcome, 1, new.score, new.dip_percent, new.ts)
  ON CONFLICT (date, symbol, outcome) DO UPDATE SET
    dips = dips + 1,
    dip_percent = CASE WHEN (excluded.score, -coalesce(CAST(excluded.dip_percent AS INTEGER), 1))
      > (coalesce(score, -1), -coalesce(CAST(dip_percent AS INTEGER), 1)) THEN excluded.dip_percent ELSE dip_percent END,
    ts = CASE WHEN (excluded.score, -coalesce(CAST(excluded.dip_percent AS INTEGER), 1))
      > (coalesce(score, -1), -coalesce(CAST(dip_percent AS INTEGER), 1)) THEN excluded.ts ELSE ts END,
    score = CASE WHEN excluded.score > coalesce(score, -1) THEN excluded.score ELSE score END;
END;

-- A dip gets its outcome a moment after it was named: the sums of its day and symbol are made again.
CREATE TRIGGER dips_changed AFTER UPDATE ON opportunities
WHEN old.outcome <> new.outcome OR old.dip_percent IS NOT new.dip_percent OR old.score IS NOT new.score
  OR old.symbol <> new.symbol OR old.date <> new.date
BEGIN
  DELETE FROM dip_days WHERE (date, symbol) IN (VALUES (old.date, old.symbol), (new.date, new.symbol));
  INSERT INTO dip_days
  SELECT date, symbol, outcome, coalesce(CAST(dip_percent AS INTEGER), 1), count(*), max(score), dip_percent, ts
  FROM opportunities
  WHERE (date, symbol) IN (VALUES (old.date, old.symbol), (new.date, new.symbol))
    AND symbol IN (old.symbol, new.symbol) AND ts > min(old.ts, new.ts) - 100000 AND ts < max(old.ts, new.ts) + 100000
  GROUP BY date, symbol, outcome, 4;
  DELETE FROM dip_outcome_days WHERE (date, symbol) IN (VALUES (old.date, old.symbol), (new.date, new.symbol));
  INSERT INTO dip_outcome_days
  SELECT date, symbol, outcome, sum(dips), max(score), dip_percent, ts FROM dip_days
  WHERE (date, symbol) IN (VALUES (old.date, old.symbol), (new.date, new.symbol))
  GROUP BY date, symbol, outcome;
END;

-- Retention deletes from the oldest day on; the boards read the first day of a time from `opportunities` itself.
CREATE TRIGGER dips_gone AFTER DELETE ON opportunities
BEGIN
  UPDATE dip_days SET dips = dips - 1
  WHERE date = old.date AND symbol = old.symbol AND outcome = old.outcome
    AND depth = coalesce(CAST(old.dip_percent AS INTEGER), 1);
  DELETE FROM dip_days WHERE date = old.date AND symbol = old.symbol AND outcome = old.outcome AND dips <= 0;
  DELETE FROM dip_outcome_days WHERE date = old.date AND symbol = old.symbol AND outcome = old.outcome;
  INSERT INTO dip_outcome_days
  SELECT date, symbol, outcome, sum(dips), max(score), dip_percent, ts FROM dip_days
  WHERE date = old.date AND symbol = old.symbol AND outcome = old.outcome GROUP BY date, symbol, outcome;
END;
