"""Market prices in the archive: what is lacking, what was read, and what follows from it."""
