"""Lists that a change must not alter unnoticed."""
