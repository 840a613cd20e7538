"""The archive as a JSON API, in a process of its own: reads, never writes. Needs the optional extra `api`."""
