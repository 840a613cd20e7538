"""The web side: connections, TLS and passwords, the formats of /metrics, the landing page."""
