"""Taking a port, and saying who has it when it is taken."""

import contextlib
import errno
import socket
from collections.abc import Iterator
from pathlib import Path

from bigdipper_exporter.config.kinds import split_address

BACKLOG = 128
_LISTENING = "0A"  # state TCP_LISTEN in /proc/net/tcp

HEALTHY_PATH = "/-/healthy"


class ListenError(Exception):
    """The address cannot be listened on; one line that names it, the reason and, where known, who holds it."""


def listen(address: str) -> socket.socket:
    """A listening socket on `host:port`, `[IPv6]:port` or `:port` (every interface). Raises ListenError."""
    host, port = split_address(address)
    try:
        if not host:
            both = socket.has_dualstack_ipv6()
            family = socket.AF_INET6 if both else socket.AF_INET
            return socket.create_server(("", port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
        family, _, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(target[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise ListenError(f"web.listen-address: cannot listen on {address}: {_reason(error, port)}") from None


def _reason(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        holder = port_holder(port)
        by = f" by {holder}" if holder else ""
        return f"the port is taken{by}; end it, or name another address such as 127.0.0.1:{min(port + 2, 65535)}"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address"
    if error.errno == errno.EACCES:
        return "not permitted; ports below 1024 need a privilege"
    return (error.strerror or str(error)).lower()


def port_holder(port: int) -> str | None:
    """Process that listens on the TCP port, as `process 4711 (name)`; None if it cannot be known (not Linux, not ours)."""
    inodes = set(_listening_inodes(port))
    for link in Path("/proc").glob("[0-9]*/fd/*") if inodes else ():
        with contextlib.suppress(OSError):
            if str(link.readlink()) in inodes:
                process = link.parents[1]
                return f"process {process.name} ({(process / 'comm').read_text().strip()})"
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        with contextlib.suppress(OSError):
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    yield f"socket:[{fields[9]}]"
