"""Questions to an archive that somebody else writes: SQL in, typed rows out."""
