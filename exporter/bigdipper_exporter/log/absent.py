"""The tailer of an account that is watched with keys alone, without a log."""

from bigdipper_exporter.log.chunks import Read, Unfinished


class NoLog:
    """Has the interface of `Tail` and never returns a line."""

    unsettled = False

    def read(self) -> Read:
        """Return nothing, and nothing to wait for."""
        return Read()

    def commit(self) -> None:
        """Do nothing."""

    def rollback(self) -> None:
        """Do nothing."""

    def unfinished(self) -> Unfinished | None:
        """Return None: there is no line."""
        return None

    def close(self) -> None:
        """Do nothing."""
