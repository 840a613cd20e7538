"""The sections of the landing page. Each is a list of rows: a state, a name and a sentence."""
