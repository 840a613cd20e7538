"""Lengths of time, in seconds. A day of the calendar may be an hour shorter or longer: `calendar` knows."""

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR
YEAR = 365 * DAY
