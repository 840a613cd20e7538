"""`python -m bigdipper_exporter` is the command `big-dipper-exporter`."""

from bigdipper_exporter.cli import entry

entry()
