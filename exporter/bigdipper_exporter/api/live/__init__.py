"""Events within a second of the log line, by WebSocket and Server-Sent Events."""
