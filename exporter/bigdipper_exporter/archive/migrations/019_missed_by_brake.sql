-- Version 0.1 did not count in a day's missed trades what the brake let pass. A day has missed its rows of `skips` and the dips of
-- its brake episodes; of an episode that went on over days nobody knows which day missed how many. Where retention has
-- deleted rows of `skips`, the sum is too small, so that a day which is right keeps its number.
UPDATE daily_stats SET missed_trades = max(
  missed_trades,
  (SELECT count(*) FROM skips AS s WHERE s.date = daily_stats.date)
  + (SELECT coalesce(sum(b.missed_opportunities), 0) FROM brake_events AS b
     WHERE b.date = daily_stats.date
       AND NOT EXISTS (SELECT 1 FROM daily_stats AS later WHERE later.ts > daily_stats.ts AND later.ts <= b.last_seen)));
