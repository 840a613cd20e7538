"""The log: following the file, the grammar of its lines, typed events."""
