"""The broker: a bounded, GET-only client for Alpaca, and what is computed from its answers."""
