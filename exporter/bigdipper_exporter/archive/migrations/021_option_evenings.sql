-- An option ends after the close, at 20:00 New York: earlier versions stored records that have only a date at noon (16:00 UTC from
-- the second Sunday of March to the first of November, else 17:00).
UPDATE activities SET ts = ts + 28800
WHERE type IN ('OPASN', 'OPEXC', 'OPEXP', 'OPTRD')
  AND ts = 0 + strftime('%s', date || CASE
    WHEN date >= date(substr(date, 1, 4) || '-03-01', 'weekday 0', '+7 days')
      AND date < date(substr(date, 1, 4) || '-11-01', 'weekday 0') THEN ' 16:00:00'
    ELSE ' 17:00:00' END);
