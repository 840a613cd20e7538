"""Everything that happens to log files, against a real consumer that stores what it is handed in SQLite."""
