"""A market, a bot and a broker that behave like the real ones: the demo, and the tests' peer."""
