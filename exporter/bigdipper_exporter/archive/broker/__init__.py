"""The broker's answers on their way into the archive, and what is derived from them."""
