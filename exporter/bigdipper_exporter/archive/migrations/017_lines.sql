-- Newlines before the offset, so that a damaged line is named by its number. NULL: read by an earlier release, not counted.
ALTER TABLE checkpoints ADD COLUMN lines INTEGER;
