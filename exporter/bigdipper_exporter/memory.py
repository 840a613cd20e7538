"""Memory of the process: garbage collection and glibc's allocator, set for one long-running process with few large buffers."""

import ctypes
import gc
import os
from contextlib import suppress

# Records live for one chunk of the log and form no cycles: collecting after every 700 makes catching up a tenth slower.
GC_THRESHOLD = 50_000
# Parameters of mallopt(3), the variable by which an owner sets each, and our value. By default glibc gives each thread a heap
# of its own, and raises the size from which a buffer is returned to the system: about 7 MiB of 90 that nobody uses.
MALLOPT = (
    (-8, "MALLOC_ARENA_MAX", 1),
    (-3, "MALLOC_MMAP_THRESHOLD_", 128 * 1024),
    (-1, "MALLOC_TRIM_THRESHOLD_", 128 * 1024),
)


def tune() -> None:
    """Call once, before the first thread starts. Does nothing where the C library is not glibc."""
    gc.set_threshold(GC_THRESHOLD)
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, variable, value in MALLOPT:
            if variable not in os.environ:
                mallopt(parameter, value)
