"""The exporter-toolkit's web config: what it accepts, what it refuses, and a server that follows it."""

import base64
import contextlib
import datetime
import http.client
import itertools
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import bcrypt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bigdipper_exporter.config.yamlfile import ConfigError
from bigdipper_exporter.web import authenticate as web_auth
from bigdipper_exporter.web.authenticate import Authenticator
from bigdipper_exporter.web.config import RateLimit, ReloadingConfig, WebConfig, load
from bigdipper_exporter.web.server import Page, Server

DEADLINE = 10.0
PASSWORD = "correct horse"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, made by its own authority or by `issuer`."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        encoding = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(*encoding)

    def write(self, folder: Path, name: str) -> None:
        (folder / f"{name}.crt").write_bytes(self.certificate_pem)
        (folder / f"{name}.key").write_bytes(self.key_pem)


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def make(name: str, issuer: Pair | None = None) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        # Without these, Python 3.13 takes a certificate for none.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(_usage(authority=issuer is None), critical=True)
    )
    return Pair(builder.sign(signer, hashes.SHA256()), key)


@pytest.fixture(scope="session")
def authority() -> Pair:
    return make("authority")


@pytest.fixture(scope="session")
def pairs(authority: Pair) -> dict[str, Pair]:
    return {name: make(name, authority) for name in ("localhost", "second", "prometheus", "stranger")}


@pytest.fixture
def folder(tmp_path: Path, authority: Pair, pairs: dict[str, Pair]) -> Path:
    """A folder with ca.crt, server.crt and server.key, other.key, and a file that is no PEM."""
    (tmp_path / "ca.crt").write_bytes(authority.certificate_pem)
    pairs["localhost"].write(tmp_path, "server")
    pairs["second"].write(tmp_path, "other")
    (tmp_path / "junk").write_text("no PEM at all\n")
    (tmp_path / "empty").touch()
    return tmp_path


def config(folder: Path, text: str) -> Path:
    """The config file with this text, changed long enough ago to be believed."""
    path = folder / "web.yml"
    path.write_text(text)
    settle(path)
    return path


def settle(path: Path) -> None:
    """Date the file back, each time to another moment."""
    moment = time.time_ns() - 60_000_000_000
    os.utime(path, ns=(moment, moment))


TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
USERS = f"basic_auth_users:\n  prometheus: {HASH}\n"


def indented(pem: bytes) -> str:
    return "|\n" + "".join(f"    {line}\n" for line in pem.decode().splitlines())


class TestFile:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "# nothing\n",
            TLS,
            TLS + "  min_version: TLS12\n  max_version: TLS12\n",
            TLS + "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]\n",
            TLS + "  prefer_server_cipher_suites: false\n",
            TLS + "  curve_preferences: [CurveP521]\n",
            TLS + "  curve_preferences: [CurveP256, CurveP384, CurveP521, X25519]\n",
            TLS + "  client_auth_type: VerifyClientCertIfGiven\n",
            TLS + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.crt\n",
            TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  client_allowed_sans: [a]\n",
            "http_server_config: {http2: false}\n",
            "http_server_config:\n  headers: {X-Frame-Options: deny, X-XSS-Protection: 1, X-Content-Type-Options: nosniff}\n",
            USERS,
            "rate_limit: {interval: 0, burst: 0}\n",
            "rate_limit: {interval: 1s, burst: 20}\n",
        ],
        ids=itertools.count(),
    )
    def test_good_ones_are_accepted(self, text: str, folder: Path) -> None:
        load(config(folder, text))

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("hWkNKCp3fvIx3jKnsaBI\nTuEjdwNS8A2v\n", "the file: must be keys and values, not a value"),
            ("tls_server_config: {cert_filse: server.crt}\n", "unknown key 'cert_filse'; did you mean cert_file?"),
            ("basic_auth_user: {}\n", "unknown key 'basic_auth_user'; did you mean basic_auth_users?"),
            ("tls_server_config: {cert_file: '', key_file: server.key}\n", "cert_file: is missing"),
            ("tls_server_config: {cert_file: server.crt}\n", "key_file: is missing"),
            ("tls_server_config: {cert: x, cert_file: server.crt, key_file: server.key}\n", "cert: given twice"),
            ("tls_server_config: {cert_file: none.crt, key_file: server.key}\n", "none.crt' (FILE:1) cannot be read: No such"),
            ("tls_server_config: {cert_file: server.crt, key_file: other.key}\n", "KEY_VALUES_MISMATCH"),
            ("tls_server_config: {cert_file: junk, key_file: server.key}\n", "certificate and key cannot be used"),
            (TLS + "  client_ca_file: none\n", "cannot be read"),
            (TLS + "  client_ca_file: ca.crt\n", "client_auth_type: is missing, while client_ca is set"),
            (TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: junk\n", "holds no certificate"),
            (TLS + "  client_auth_type: RequireAndVerifyClientCert\n", "client_ca_file: is missing or empty"),
            (TLS + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca: ''\n", "client_ca_file: is missing or empty"),
            (
                TLS + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: empty\n",
                "client_ca_file: is missing or empty",
            ),
            (TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca: ''\n", "client_ca_file: is missing or empty"),
            (
                TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: empty\n",
                "client_ca_file: is missing or empty",
            ),
            (TLS + "  client_auth_type: x\n", "client_auth_type: 'x' (FILE:4) is unknown; allowed: NoClientCert, "),
            (TLS + "  client_auth_type: RequireAnyClientCert\n", "without checking them"),
            (TLS + "  client_allowed_sans: [a]\n", "needs client_auth_type RequireAndVerifyClientCert"),
            (TLS + "  min_version: TLS111\n", "min_version: 'TLS111' (FILE:4) is unknown; allowed: TLS12, TLS13"),
            (TLS + "  min_version: TLS10\n", "min_version: 'TLS10' (FILE:4)"),
            (TLS + "  min_version: TLS13\n  max_version: TLS12\n", "is above max_version"),
            (TLS + "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2048]\n", "AES_128_GCM_SHA2048' (FILE:4) is unknown"),
            (TLS + "  cipher_suites: [TLS_AES_128_GCM_SHA256]\n", "has none for TLS 1.2"),
            (TLS + "  cipher_suites: x\n", "must be a list of values, not a value"),
            (TLS + "  curve_preferences: [CurveP257]\n", "'CurveP257' (FILE:4) is unknown"),
            (TLS + "  curve_preferences: [CurveP256, CurveP521]\n", "cannot be offered by Python"),
            (TLS + "  prefer_server_cipher_suites: maybe\n", "is neither true nor false"),
            ("http_server_config: {headers: {Content-Type: foo}}\n", "unknown key 'Content-Type'"),
            ("http_server_config: {headers: {X-Frame-Options: foo}}\n", "'foo' (FILE:1) is unknown; allowed: deny, sameorigin"),
            ("http_server_config: {headers: {X-Content-Type-Options: sniff}}\n", "allowed: nosniff"),
            ('http_server_config: {headers: {X-XSS-Protection: "1\\nSet-Cookie: a"}}\n', "is not a header value"),
            ("http_server_config: {http2: 5}\n", "http2: '5'"),
            ("basic_auth_users: {john: doe}\n", "basic_auth_users.john: is not a bcrypt hash (FILE:1)"),
            ("basic_auth_users: [john]\n", "must be a mapping, not a list"),
            ("rate_limit: {interval: 1s}\n", "burst: '0' (FILE:1) would refuse every request"),
            ("rate_limit: {interval: 5, burst: 1}\n", "interval: '5' (FILE:1) needs a unit"),
            ("tls_server_config: 1\n", "tls_server_config: must be keys and values, not a value"),
            ("basic_auth_users: {a: *b}\n", "is not valid YAML"),
        ],
        ids=itertools.count(),
    )
    def test_bad_ones_are_one_line_that_says_what_and_where(self, text: str, said: str, folder: Path) -> None:
        path = config(folder, text)
        with pytest.raises(ConfigError) as caught:
            load(path)
        told = [line.replace(str(path), "FILE") for line in caught.value.problems]
        assert len([line for line in told if said in line]) == 1
        assert len(told) == 1 or "cert_filse" in text  # a misspelt key is missing besides
        assert all("FILE" in line and "\n" not in line for line in told)

    def test_a_missing_file_is_one_line(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"none\.yml: cannot be read: No such file"):
            load(tmp_path / "none.yml")

    def test_hashes_and_keys_never_show_in_errors_or_representations(self, folder: Path, pairs: dict[str, Pair]) -> None:
        key = indented(pairs["stranger"].key_pem)
        wrong = f"tls_server_config:\n  cert_file: server.crt\n  key: {key}basic_auth_users:\n  a: {HASH[:-1]}\n"
        with pytest.raises(ConfigError) as caught:
            load(config(folder, wrong))
        assert HASH[:20] not in str(caught.value)
        assert pairs["stranger"].key_pem.decode().splitlines()[1] not in str(caught.value)
        assert HASH not in repr(load(config(folder, USERS)))


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class TestGate:
    CONFIG = WebConfig(users={"prometheus": HASH, "grafana": HASH})

    def test_lets_everybody_in_where_no_users_are_configured(self) -> None:
        assert Authenticator().refusal(WebConfig(), None) is None

    @pytest.mark.parametrize(
        "authorization",
        [
            None,
            "",
            "Basic",
            "Basic !!!",
            "Basic " + base64.b64encode(b"no colon").decode(),
            "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
            "Bearer " + basic("prometheus", PASSWORD).split()[1],
            basic("prometheus", "wrong"),
            basic("prometheus", ""),
            basic("prometheus", PASSWORD + "\0"),
            basic("prometheus", PASSWORD) + "!",
            basic("", PASSWORD),
            basic("nobody", PASSWORD),
            basic("prometheus", "x" * 10_000),
        ],
    )
    def test_refuses_wrong_credentials_of_every_kind(self, authorization: str | None) -> None:
        gate = Authenticator()
        assert gate.refusal(self.CONFIG, authorization) is HTTPStatus.UNAUTHORIZED
        assert gate.refusal(self.CONFIG, authorization) is HTTPStatus.UNAUTHORIZED
        assert gate.refusal(self.CONFIG, basic("prometheus", PASSWORD)) is None

    def test_checks_a_password_once_and_again_when_its_hash_changes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        checks: list[bytes] = []
        original = bcrypt.checkpw

        def counted(password: bytes, hashed: bytes) -> bool:
            checks.append(hashed)
            return original(password, hashed)

        monkeypatch.setattr(bcrypt, "checkpw", counted)
        gate = Authenticator()
        for _ in range(5):
            assert gate.refusal(self.CONFIG, basic("prometheus", PASSWORD)) is None
            assert gate.refusal(self.CONFIG, basic("nobody", PASSWORD)) is HTTPStatus.UNAUTHORIZED
        assert checks == [HASH.encode()] * 2  # an unknown user costs a check like a known one
        changed = bcrypt.hashpw(b"another", bcrypt.gensalt(4)).decode()
        config = WebConfig(users={"prometheus": changed})
        assert gate.refusal(config, basic("prometheus", PASSWORD)) is HTTPStatus.UNAUTHORIZED

    def test_remembers_a_bounded_number_of_wrong_passwords(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bcrypt, "checkpw", lambda *_: False)
        gate = Authenticator()
        for number in range(1000):
            gate.refusal(self.CONFIG, basic("prometheus", str(number)))
        assert len(gate._wrong) <= 256

    def test_lets_known_passwords_in_at_once_while_others_are_checked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(web_auth, "CHECK_WAIT_SECONDS", 0.05)
        gate = Authenticator()
        assert gate.refusal(self.CONFIG, basic("prometheus", PASSWORD)) is None
        entered, release = threading.Event(), threading.Event()

        def slow_check(*_: bytes) -> bool:
            entered.set()
            return not release.wait(DEADLINE)

        monkeypatch.setattr(bcrypt, "checkpw", slow_check)
        with ThreadPoolExecutor(1) as pool:
            checking = pool.submit(gate.refusal, self.CONFIG, basic("prometheus", "guess"))
            assert entered.wait(DEADLINE)
            assert gate.refusal(self.CONFIG, basic("prometheus", PASSWORD)) is None
            assert gate.refusal(self.CONFIG, basic("prometheus", "more")) is HTTPStatus.SERVICE_UNAVAILABLE
            release.set()
            assert checking.result(DEADLINE) is HTTPStatus.UNAUTHORIZED

    def test_limits_the_rate_with_a_bucket_of_tokens(self) -> None:
        clock = Clock()
        gate = Authenticator(clock)
        config = WebConfig(rate=RateLimit(interval=2.0, burst=3))
        answers = [gate.refusal(config, None) for _ in range(4)]
        assert answers == [None, None, None, HTTPStatus.TOO_MANY_REQUESTS]
        clock.now += 2
        assert [gate.refusal(config, None) for _ in range(2)] == [None, HTTPStatus.TOO_MANY_REQUESTS]
        clock.now += 1000
        assert [gate.refusal(config, None) for _ in range(4)] == answers


@contextlib.contextmanager
def serving(path: Path) -> Iterator[Server]:
    server = Server("127.0.0.1:0", "/metrics", path, 40, collect=lambda _: [], ready=list, page=lambda: Page("Orion", "1", []))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def trusting(folder: Path, client: str = "") -> ssl.SSLContext:
    """A client's TLS that trusts the folder's authority, and shows `<client>.crt` if given."""
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    if client:
        context.load_cert_chain(folder / f"{client}.crt", folder / f"{client}.key")
    return context


def fetch(
    server: Server, tls: ssl.SSLContext | None = None, headers: dict[str, str] | None = None, path: str = "/-/healthy"
) -> tuple[http.client.HTTPResponse, x509.Certificate | None]:
    """The response to a GET on a new connection, and the certificate that the server showed."""
    connection = http.client.HTTPConnection("localhost", server.port, timeout=DEADLINE)
    try:
        connection.sock = socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)
        shown = None
        if tls:
            secured = tls.wrap_socket(connection.sock, server_hostname=None if not tls.check_hostname else "localhost")
            connection.sock = secured
            shown = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        response.read()
        return response, shown
    finally:
        connection.close()


class TestServer:
    def test_with_a_bad_file_does_not_come_to_be(self, folder: Path) -> None:
        with pytest.raises(ConfigError), serving(config(folder, "nonsense: 1\n")):
            pass

    def test_asks_for_a_password_on_every_route(self, folder: Path) -> None:
        with serving(config(folder, USERS)) as server:
            for path in ("/", "/metrics", "/-/healthy", "/-/ready", "/nix"):
                response, _ = fetch(server, path=path)
                assert response.status == 401
                assert response.headers["WWW-Authenticate"].startswith("Basic ")
            assert fetch(server, headers={"Authorization": basic("prometheus", "wrong")})[0].status == 401
            assert fetch(server, headers={"Authorization": basic("prometheus", PASSWORD)})[0].status == 200

    def test_sends_the_configured_headers_with_every_reply(self, folder: Path) -> None:
        text = "http_server_config: {headers: {X-Frame-Options: deny, Content-Security-Policy: default-src 'self'}}\n"
        with serving(config(folder, text)) as server:
            for path in ("/", "/nix"):
                response, _ = fetch(server, path=path)
                assert response.headers["X-Frame-Options"] == "deny"
                assert response.headers.get_all("Content-Security-Policy") == ["default-src 'self'"]

    def test_limits_the_rate(self, folder: Path) -> None:
        with serving(config(folder, "rate_limit: {interval: 1d, burst: 2}\n")) as server:
            assert [fetch(server)[0].status for _ in range(3)] == [200, 200, 429]


class TestTls:
    @pytest.mark.parametrize("inline", [False, True])
    def test_serves_from_files_or_inline(self, inline: bool, folder: Path, pairs: dict[str, Pair]) -> None:
        pair = pairs["localhost"]
        text = f"tls_server_config:\n  cert: {indented(pair.certificate_pem)}  key: {indented(pair.key_pem)}"
        with serving(config(folder, text if inline else TLS)) as server:
            assert server.url == f"https://127.0.0.1:{server.port}/"
            response, shown = fetch(server, trusting(folder))
            assert response.status == 200
            assert shown == pair.certificate

    def test_tells_a_client_without_tls_what_to_do(self, folder: Path) -> None:
        with serving(config(folder, TLS)) as server:
            assert fetch(server)[0].status == 400

    def test_keeps_to_the_versions(self, folder: Path) -> None:
        old = trusting(folder)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with serving(config(folder, TLS)) as server:
            assert fetch(server, old)[0].status == 200
        with serving(config(folder, TLS + "  min_version: TLS13\n")) as server:
            assert fetch(server, trusting(folder))[0].status == 200
            with pytest.raises(ssl.SSLError):
                fetch(server, old)

    def test_lets_in_only_clients_with_a_certificate_of_the_authority_and_an_allowed_name(
        self, folder: Path, pairs: dict[str, Pair]
    ) -> None:
        for name in ("prometheus", "stranger"):
            pairs[name].write(folder, name)
        make("prometheus").write(folder, "forged")
        required = TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"
        with serving(config(folder, required)) as server:
            assert fetch(server, trusting(folder, "stranger"))[0].status == 200
            for client in ("", "forged"):
                with pytest.raises((OSError, http.client.HTTPException)):
                    fetch(server, trusting(folder, client))
        with serving(config(folder, required + "  client_allowed_sans: [prometheus, other]\n")) as server:
            assert fetch(server, trusting(folder, "prometheus"))[0].status == 200
            with pytest.raises((OSError, http.client.HTTPException)):
                fetch(server, trusting(folder, "stranger"))

    def test_idle_and_half_shaken_clients_hold_nobody_up(self, folder: Path) -> None:
        with serving(config(folder, TLS)) as server, contextlib.ExitStack() as stack:
            for number in range(100):
                idle = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE))
                if number % 2:
                    idle.sendall(b"\x16\x03\x01")
            assert fetch(server, trusting(folder))[0].status == 200

    def test_a_shaken_hand_that_then_is_silent_holds_nobody_up(self, folder: Path) -> None:
        with serving(config(folder, TLS)) as server:
            sock = socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)
            with sock, trusting(folder).wrap_socket(sock, server_hostname="localhost"):
                assert fetch(server, trusting(folder))[0].status == 200

    def test_a_certificate_rotated_on_disk_is_shown_to_the_next_client(
        self, folder: Path, authority: Pair, pairs: dict[str, Pair]
    ) -> None:
        with serving(config(folder, TLS)) as server:
            assert fetch(server, trusting(folder))[1] == pairs["localhost"].certificate
            renewed = make("localhost", authority)
            renewed.write(folder, "server")
            settle(folder / "server.crt")
            settle(folder / "server.key")
            assert fetch(server, trusting(folder))[1] == renewed.certificate


class TestChanges:
    """The file in the hands of a person with an editor, while the server runs."""

    @pytest.fixture
    def said(self) -> list[str]:
        return []

    def watch(self, path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> ReloadingConfig:
        monkeypatch.setattr(ReloadingConfig, "RETRY_SECONDS", 0.0)
        return ReloadingConfig(path, said.append)

    def test_a_good_change_is_in_force_at_once(self, folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        path = config(folder, USERS)
        watched = self.watch(path, said, monkeypatch)
        assert set(watched.current().users) == {"prometheus"}
        config(folder, f"basic_auth_users:\n  grafana: {HASH}\n")
        assert set(watched.current().users) == {"grafana"}
        assert said == [f"{path}: changed, in force now"]

    @pytest.mark.parametrize("text", [None, "", "basic_auth_users: [", "basic_auth_users: {a: b}\n", "junk: 1\n"])
    def test_a_bad_change_keeps_the_last_good_one_and_says_so_once(
        self, text: str | None, folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = config(folder, USERS)
        watched = self.watch(path, said, monkeypatch)
        if text is None:
            path.unlink()
        else:
            config(folder, text)
        for _ in range(3):
            assert set(watched.current().users) == {"prometheus"}
        (line,) = said
        assert str(path) in line
        assert line.endswith("; keeping the last good one")
        assert "\n" not in line
        config(folder, f"basic_auth_users:\n  grafana: {HASH}\n")
        assert set(watched.current().users) == {"grafana"}

    def test_a_file_that_is_still_being_written_is_not_believed_yet(
        self, folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ReloadingConfig, "SETTLED_SECONDS", 3600.0)
        path = config(folder, USERS)
        watched = self.watch(path, said, monkeypatch)
        path.write_text("# the users come in a moment\n")
        assert set(watched.current().users) == {"prometheus"}
        monkeypatch.setattr(ReloadingConfig, "SETTLED_SECONDS", 0.0)
        assert not watched.current().users

    def test_a_certificate_that_comes_after_the_file_that_names_it_is_found(
        self, folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch, pairs: dict[str, Pair]
    ) -> None:
        watched = self.watch(config(folder, USERS), said, monkeypatch)
        config(folder, "tls_server_config: {cert_file: late.crt, key_file: late.key}\n")
        assert watched.current().tls is None
        assert watched.current().users
        pairs["localhost"].write(folder, "late")
        assert watched.current().tls is not None
        assert len(said) == 2

    def test_a_running_server_follows(self, folder: Path) -> None:
        with serving(config(folder, "# open\n")) as server:
            assert fetch(server)[0].status == 200
            config(folder, USERS)
            assert fetch(server)[0].status == 401
            config(folder, TLS)
            assert fetch(server, trusting(folder))[0].status == 200
