"""A folder for several users."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that other users can reach; pytest's own they cannot."""
    folder = Path(tempfile.mkdtemp(prefix="bigdipper-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)
