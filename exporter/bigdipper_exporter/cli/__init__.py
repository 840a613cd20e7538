"""The command `big-dipper-exporter`: flags in, exit code out. 0: done, 1: doctor found something, 2: it cannot start."""

from bigdipper_exporter.cli.main import entry, main
from bigdipper_exporter.cli.parser import parser

__all__ = ["entry", "main", "parser"]
