"""Settings: one table, read from YAML, environment and flags; every error names key, place, value and what is allowed."""
