"""The section `tls_server_config` of the web config: from Go's names to Python's TLS.

What Python's TLS cannot do as the format says is refused, never quietly done in a weaker way.
"""

import contextlib
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from bigdipper_exporter.config.kinds import BOOLEAN, PATH, Kind, exactly
from bigdipper_exporter.config.yamlfile import Item, Section
from bigdipper_exporter.files import read_regular

MOST_PEM_BYTES = 1 << 20


Stamp = tuple[int, int, int]

TLS_KEYS = (
    *("cert", "cert_file", "key", "key_file", "client_ca", "client_ca_file", "client_auth_type", "client_allowed_sans"),
    *("min_version", "max_version", "cipher_suites", "prefer_server_cipher_suites", "curve_preferences"),
)

_CLIENT_AUTH = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_UNCHECKED_CLIENT_AUTH = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
# Go's names; TLS 1.3 suites cannot be chosen there nor here, and are accepted without effect.
_CIPHERS = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_AES_128_GCM_SHA256": "",
    "TLS_AES_256_GCM_SHA384": "",
    "TLS_CHACHA20_POLY1305_SHA256": "",
}
_CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}


class TlsSection:
    """The section `tls_server_config`."""

    def __init__(self, item: Item, folder: Path, problems: list[str]) -> None:
        self._section = Section(item, "tls_server_config", TLS_KEYS, problems)
        self._folder, self._problems = folder, problems
        self.files: list[tuple[Path, Stamp]] = []
        self.allowed_sans = frozenset(_plain_name(san) for san in self._section.texts("client_allowed_sans"))

    def context(self) -> ssl.SSLContext | None:
        """The context for connections, None if something is wrong (then it is among the problems)."""
        if not self._section.is_mapping:
            return None
        before = len(self._problems)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate, key = self._pem("cert"), self._pem("key")
        if certificate and key:
            self._load_certificate(context, certificate, key)
        self._client_auth(context)
        self._versions(context)
        self._ciphers(context)
        self._curve(context)
        return context if len(self._problems) == before else None

    def _pem(self, key: str, needed: bool = True) -> bytes | None:
        """The PEM text of `key`, inline or from `<key>_file` (relative to the config's folder)."""
        section, inline = self._section, self._section.text(key)
        name = section.value(f"{key}_file", PATH, Path()) if section.text(f"{key}_file") else None
        if inline and name:
            self._problem(f"{key}: given twice, inline and as {key}_file; keep one of them")
        elif inline:
            return inline.encode()
        elif name:
            path = self._folder / name
            self.files.append((path, stamp(path)))
            try:
                return read_regular(path, MOST_PEM_BYTES)
            except OSError as error:
                section.wrong(f"{key}_file", str(path), f"cannot be read: {error.strerror}", "a readable PEM file")
        elif needed:
            self._problem(f"{key}_file: is missing; allowed: {key}_file or {key}")
        return None

    def _names(self, key: str) -> bool:
        """Return whether `key` or `<key>_file` is in the section, with whatever value."""
        return self._section.get(key) is not None or self._section.get(f"{key}_file") is not None

    def _load_certificate(self, context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
        try:
            with _as_file(certificate) as certificate_file, _as_file(key) as key_file:
                # Without a password function OpenSSL would ask for one on the terminal.
                context.load_cert_chain(certificate_file, key_file, password=lambda: "")
        except (ssl.SSLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or "unreadable"
            self._problem(f"certificate and key cannot be used ({reason}); allowed: PEM that belong together")

    def _client_auth(self, context: ssl.SSLContext) -> None:
        written = self._section.text("client_auth_type")
        kind = self._section.value("client_auth_type", Kind(_client_auth, ", ".join(_CLIENT_AUTH)), "NoClientCert")
        context.verify_mode = _CLIENT_AUTH[kind]
        authorities = self._pem("client_ca", needed=False)
        if authorities and written in (None, "NoClientCert"):
            self._problem("client_auth_type: is missing, while client_ca is set; allowed: RequireAndVerifyClientCert")
        if self.allowed_sans and kind != "RequireAndVerifyClientCert":
            self._problem("client_allowed_sans: needs client_auth_type RequireAndVerifyClientCert")
        try:
            if authorities:
                context.load_verify_locations(cadata=authorities.decode())
            elif kind == "VerifyClientCertIfGiven" and not self._names("client_ca"):
                # As the toolkit does: the system's authorities. Nobody gets in by it who would not without a certificate.
                context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
            elif kind != "NoClientCert":
                # Without authorities of their own, the certificate of any public authority would open the door.
                self._problem(
                    f"client_ca_file: is missing or empty, while client_auth_type is {kind}; allowed: PEM certificates"
                )
        except (ssl.SSLError, ValueError):
            self._problem("client_ca: holds no certificate; allowed: certificates as PEM")

    def _versions(self, context: ssl.SSLContext) -> None:
        kind = exactly(_VERSIONS)
        low = self._section.value("min_version", kind, "TLS12")
        high = self._section.value("max_version", kind, "TLS13")
        if _VERSIONS[low] > _VERSIONS[high]:
            self._section.wrong("min_version", low, "is above max_version", f"{high} or less")
            return
        context.minimum_version, context.maximum_version = _VERSIONS[low], _VERSIONS[high]

    def _ciphers(self, context: ssl.SSLContext) -> None:
        names = self._section.texts("cipher_suites")
        for name in names:
            if name not in _CIPHERS:
                self._section.wrong("cipher_suites", name, "is unknown", ", ".join(_CIPHERS))
        chosen = [cipher for name in names if (cipher := _CIPHERS.get(name))]
        if names and not chosen and _CIPHERS.keys() >= set(names) and context.minimum_version < ssl.TLSVersion.TLSv1_3:
            self._section.wrong("cipher_suites", ", ".join(names), "has none for TLS 1.2", "those, or min_version TLS13")
        try:
            if chosen:
                context.set_ciphers(":".join(chosen))
        except ssl.SSLError:
            self._section.wrong("cipher_suites", ", ".join(names), "are not offered by this OpenSSL", "others")
        if self._section.value("prefer_server_cipher_suites", BOOLEAN, True):
            context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
        else:
            context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE

    def _curve(self, context: ssl.SSLContext) -> None:
        names = self._section.texts("curve_preferences")
        for name in names:
            if name not in _CURVES:
                self._section.wrong("curve_preferences", name, "is unknown", ", ".join(_CURVES))
        # Python sets exactly one curve. All four are what OpenSSL offers anyway; another choice would be widened.
        if len(names) == 1 and names[0] in _CURVES:
            try:
                context.set_ecdh_curve(_CURVES[names[0]])
            except ValueError:
                self._section.wrong("curve_preferences", names[0], "is not offered by this OpenSSL", "another")
        elif 1 < len(set(names)) < len(_CURVES):
            self._section.wrong("curve_preferences", ", ".join(names), "cannot be offered by Python", "one, all or none")

    def _problem(self, text: str) -> None:
        self._problems.append(f"tls_server_config.{text} ({self._section.where})")


def _plain_name(name: str) -> str:
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(name))
    return name


def alternative_names(certificate: Mapping[str, object]) -> Iterator[str]:
    """Yield the names of a certificate's subjectAltName extension."""
    names = certificate.get("subjectAltName", ())
    for kind, value in names if isinstance(names, tuple) else ():
        if kind in ("DNS", "email", "URI", "IP Address"):
            yield _plain_name(value.strip())


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """A path that holds `content` for OpenSSL, which reads only files; in memory where the system can (Linux)."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("pem"), "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name


def _client_auth(text: str) -> str:
    if text in _UNCHECKED_CLIENT_AUTH:
        raise ValueError("takes certificates without checking them, which Python's TLS cannot do")
    return exactly(_CLIENT_AUTH).parse(text)


def stamp(path: Path) -> Stamp:
    """Change time, size and inode; zeros for a missing file."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
