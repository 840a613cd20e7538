"""Figures of the business, computed once: pure functions without SQL, clock or I/O."""
