"""The whole monitor beside a simulated market, bot and broker."""
