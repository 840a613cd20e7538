"""Big Dipper Monitor: watches one Big Dipper bot from outside, read-only."""

__version__ = "0.1.0"
