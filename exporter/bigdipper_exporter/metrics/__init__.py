"""What is exposed at /metrics: declarations of all families, and the snapshot that they read."""
