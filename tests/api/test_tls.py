"""The API's TLS after a change of the web config: nobody gets in by what the file does not allow any more."""

import ssl
from typing import Any, cast

import pytest

from bigdipper_exporter.api.server import older_than
from bigdipper_exporter.web.config import WebConfig


class Connection:
    """What a handshake agreed on."""

    def __init__(
        self, version: str = "TLSv1.3", cipher: str = "TLS_AES_256_GCM_SHA384", certificate: bytes | None = None
    ) -> None:
        self._said: dict[str, Any] = {"version": version, "cipher": (cipher, version, 256), "certificate": certificate}

    def version(self) -> str:
        return cast(str, self._said["version"])

    def cipher(self) -> tuple[str, str, int]:
        return cast(tuple[str, str, int], self._said["cipher"])

    def getpeercert(self, *, binary_form: bool) -> bytes | None:
        assert binary_form
        return cast(bytes | None, self._said["certificate"])


def required(context: ssl.SSLContext) -> None:
    context.verify_mode = ssl.CERT_REQUIRED


def newest(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_3


def older(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2


def one_cipher(context: ssl.SSLContext) -> None:
    context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")


OLD = Connection("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")


@pytest.mark.parametrize(
    ("change", "connection", "reason"),
    [
        (None, None, "TLS"),
        (None, Connection(), ""),
        (None, OLD, ""),
        (required, Connection(), "client_auth_type"),
        (required, Connection(certificate=b"one"), ""),
        (newest, OLD, "min_version or max_version"),
        (older, Connection(), "min_version or max_version"),
        (one_cipher, OLD, "cipher_suites"),
        (one_cipher, Connection(), ""),
    ],
)
def test_a_connection_must_have_what_the_newest_web_config_asks_for(change: Any, connection: Any, reason: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if change is not None:
        change(context)
    assert older_than(connection, WebConfig(tls=context)) == reason


def test_without_tls_nothing_is_asked_for() -> None:
    assert older_than(None, WebConfig()) == ""
