"""What can be wrong with the archive, in words for its owner."""


class ArchiveError(Exception):
    """The archive cannot be used as it is; the message says what is wrong, where, and what to do."""
