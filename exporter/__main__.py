"""`python -m exporter` is the command `big-dipper-exporter`."""

from exporter.cli import entry

entry()
