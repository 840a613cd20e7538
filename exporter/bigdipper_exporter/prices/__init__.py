"""Market prices and corporate actions from Alpaca's data host."""
