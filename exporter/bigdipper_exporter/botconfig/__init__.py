"""The bot's own config.py: read as text, never executed."""
