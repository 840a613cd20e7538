"""Which names a request may give as its Host.

A web page can make its own name resolve to 127.0.0.1 and then read what is served there (DNS rebinding). It needs a name with
a dot that it owns, so IP addresses, names without a dot and this machine's own name are allowed, and others only by setting.
"""

import ipaddress
import socket
from collections.abc import Collection

LOCAL_NAMES = ("localhost", "localhost.localdomain")

WRONG_HOST = (
    "this host name is not allowed; allowed: IP addresses, names without a dot, and those of the setting web.allowed-hosts"
)


def host_of(header: str) -> str:
    """Return the host of a Host header in lower case, without its port and a final dot; empty where it is none."""
    host = header.strip().lower()
    if host.startswith("["):
        return host[1 : host.find("]")] if "]" in host else ""
    return host.partition(":")[0].removesuffix(".")


class AllowedHosts:
    """The names that this server answers to."""

    def __init__(self, listen_host: str, extra: Collection[str]) -> None:
        self._names = {*LOCAL_NAMES, listen_host.lower(), socket.gethostname().lower(), *(name.lower() for name in extra)}

    def __contains__(self, header: str) -> bool:
        host = host_of(header)
        return host in self._names or (bool(host) and "." not in host) or _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
