"""What is served: metrics in every form, health, the landing page."""

import gzip
import http.client
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from bigdipper_exporter.metrics.table import Part
from bigdipper_exporter.web.exposition import OPENMETRICS, TEXT, TEXT_1, Exposition, accepts_gzip, choose_format
from bigdipper_exporter.web.landing import Page, Row
from bigdipper_exporter.web.server import Server
from tests.web.served import DEADLINE, PAGE, ROUTES, CountingLock, connections, eventually, families, fetch, plain, raw, serving


class TestMetrics:
    def test_are_plain_text_that_a_parser_reads_back(self, server: Server) -> None:
        response, body = fetch(server)
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        read = {sample.name: sample.value for family in plain(body) for sample in family.samples}
        assert read["bigdipper_trades_total"] == 7
        assert read["bigdipper_bot_cycle_duration_seconds_sum"] == 4.5

    def test_are_openmetrics_when_prometheus_asks(self, server: Server) -> None:
        accept = (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;"
            "version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        )
        response, body = fetch(server, headers={"Accept": accept})
        assert response.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
        assert body.endswith(b"# EOF\n")
        read = {family.name: family for family in parse_openmetrics(body.decode())}  # type: ignore[no-untyped-call]
        assert read["bigdipper_position_market_value_usd"].unit == "usd"
        created = [s.value for s in read["bigdipper_trades"].samples if s.name.endswith("_created")]
        assert created == [1_700_000_000]

    @pytest.mark.parametrize(
        ("accept", "expected"),
        [
            (None, TEXT),
            ("", TEXT),
            ("*/*", TEXT),
            ("image/png", TEXT),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT),
            ("application/openmetrics-text", OPENMETRICS),
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", OPENMETRICS),
            ("Application/OpenMetrics-Text;Version=1.0.0", OPENMETRICS),
            ("application/openmetrics-text;version=0.0.1,text/plain", TEXT),
            ("application/openmetrics-text;version=junk,*/*;q=0.1", TEXT),
            ("text/plain;q=0.9,application/openmetrics-text;q=0.1", TEXT),
            ("text/plain;q=0.1,application/openmetrics-text;q=0.9", OPENMETRICS),
            ("application/openmetrics-text;q=0,text/plain;q=0.1", TEXT),
            ("application/openmetrics-text;q=x,*/*;q=0.1", TEXT),
            ("text/plain;version=1.0.0,text/plain;version=0.0.4;q=0.5", TEXT_1),
            (",;,=;q", TEXT),
        ],
    )
    def test_come_in_the_format_that_is_liked_best(self, accept: str | None, expected: str) -> None:
        assert choose_format(accept) == expected

    @pytest.mark.parametrize(
        ("header", "wanted"), [(None, False), ("gzip", True), ("br, GZIP;q=0.5", True), ("gzip;q=0", False), ("br", False)]
    )
    def test_are_compressed_only_for_those_who_accept_it(self, header: str | None, wanted: bool, server: Server) -> None:
        assert accepts_gzip(header) == wanted
        response, body = fetch(server, headers={"Accept-Encoding": header} if header else {})
        assert (response.headers["Content-Encoding"] == "gzip") == wanted
        assert (gzip.decompress(body) if wanted else body) == fetch(server)[1]

    def test_can_be_asked_for_by_name_of_sample_or_family(self, server: Server) -> None:
        _, body = fetch(server, "/metrics?name[]=bigdipper_trades_total&name%5B%5D=bigdipper_bot_cycle_duration_seconds")
        names = {sample.name for family in plain(body) for sample in family.samples}
        took = "bigdipper_bot_cycle_duration_seconds"
        assert names == {"bigdipper_trades_total", f"{took}_bucket", f"{took}_count", f"{took}_sum"}
        assert fetch(server, "/metrics?name[]=nothing")[1] == b""
        assert fetch(server, "/metrics?" + "name[]=x&" * 101)[0].status == 400

    def test_can_be_asked_for_in_two_parts_that_make_the_whole(self, server: Server) -> None:
        def names(query: str) -> list[str]:
            return [sample.name for family in plain(fetch(server, f"/metrics?{query}")[1]) for sample in family.samples]

        now, rest = names("collect[]=now"), names("exclude%5B%5D=now")
        assert set(now) == {"bigdipper_position_market_value_usd"}
        assert sorted(now + rest) == sorted(names(""))
        for wrong in ("collect[]=all", "exclude[]=rest", "collect[]=now&exclude[]=now", "collect[]=now&collect[]=now"):
            response, body = fetch(server, f"/metrics?{wrong}")
            assert response.status == 400
            assert b"collect[]=now" in body

    def test_with_half_a_character_in_a_label_lose_only_that_character(self) -> None:
        broken = GaugeMetricFamily("bigdipper_broken", "Broken.", labels=["text"])
        broken.add_metric(["a\ud83d"], 1)
        with serving(lambda _: [*families(), broken]) as server:
            response, body = fetch(server)
        assert response.status == 200
        assert 'bigdipper_broken{text="a?"} 1.0' in body.decode()
        assert b"bigdipper_trades_total" in body

    def test_that_cannot_be_collected_are_a_500_and_come_back(self) -> None:
        broken = threading.Event()
        broken.set()

        def collect(_: Part) -> list[Metric]:
            if broken.is_set():
                raise RuntimeError("internal detail")
            return families()

        with serving(collect) as server:
            response, body = fetch(server)
            assert response.status == 500
            assert b"internal detail" not in body
            assert fetch(server, "/-/healthy")[0].status == 200
            broken.clear()
            assert fetch(server)[0].status == 200

    def test_asked_for_many_times_at_once_are_made_once_more_for_all_who_wait(self) -> None:
        calls: list[int] = []
        entered, release = threading.Event(), threading.Event()

        def collect(_: Part) -> list[Metric]:
            calls.append(1)
            entered.set()
            assert release.wait(DEADLINE)
            return families()

        exposition = Exposition(collect)
        with ThreadPoolExecutor(21) as pool:
            first = pool.submit(exposition.render, TEXT, False)
            assert entered.wait(DEADLINE)
            line = exposition._lock = CountingLock(exposition._lock)  # type: ignore[assignment]
            others = [pool.submit(exposition.render, TEXT, False) for _ in range(20)]
            eventually(lambda: line.came == 20)
            release.set()
            bodies = {waiting.result(DEADLINE).body for waiting in (first, *others)}
        assert len(bodies) == 1
        assert len(calls) == 2

    def test_are_never_older_than_the_request(self) -> None:
        numbers = iter(range(100))
        exposition = Exposition(lambda _: [GaugeMetricFamily("bigdipper_n", "N.", value=next(numbers))])
        bodies = [exposition.render(TEXT, False).body for _ in range(3)]
        assert [body.split()[-1] for body in bodies] == [b"0.0", b"1.0", b"2.0"]


class TestRoutes:
    def test_health_is_always_fine(self, server: Server) -> None:
        response, body = fetch(server, "/-/healthy")
        assert (response.status, body) == (200, b"healthy\n")

    def test_readiness_says_every_reason_on_a_line_of_its_own(self) -> None:
        reasons = ["catching up: 3 MB to go", "the archive cannot be written: disk full"]
        with serving(ready=lambda: reasons) as server:
            response, body = fetch(server, "/-/ready")
            assert (response.status, body.decode().splitlines()) == (503, reasons)
            reasons.clear()
            assert fetch(server, "/-/ready")[0].status == 200

    @pytest.mark.parametrize("path", [*ROUTES, "/nix"])
    def test_head_is_get_without_the_body(self, path: str, server: Server) -> None:
        get, body = fetch(server, path)
        head, nothing = fetch(server, path, "HEAD")
        assert nothing == b""
        answer = raw(server, f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert answer.index(b"\r\n\r\n") == len(answer) - 4
        assert head.status == get.status
        assert head.headers["Content-Length"] == str(len(body))
        assert head.headers["Content-Type"] == get.headers["Content-Type"]

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
    @pytest.mark.parametrize("path", ROUTES)
    def test_other_methods_are_refused_with_those_allowed(self, path: str, method: str, server: Server) -> None:
        response, _ = fetch(server, path, method)
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")

    @pytest.mark.parametrize("path", ["/nix", "/metrics/", "/-/", "/-/reload", "/..%2f", "/favicon.ico"])
    def test_other_paths_are_not_found(self, path: str, server: Server) -> None:
        assert fetch(server, path)[0].status == 404

    def test_the_telemetry_path_can_be_another(self) -> None:
        server = Server("127.0.0.1:0", "/m", None, 1, collect=families, ready=list, page=lambda: PAGE)
        server.start()
        try:
            assert fetch(server, "/m")[0].status == 200
            assert fetch(server, "/metrics")[0].status == 404
            assert b'href="/m"' in fetch(server, "/")[1]
        finally:
            server.stop()

    def test_one_connection_serves_many_requests(self, server: Server) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
        for path in ROUTES * 3:
            connection.request("GET", path)
            assert connection.getresponse().read()
        assert connections(server) == 1
        connection.close()
        eventually(lambda: connections(server) == 0)

    def test_a_body_is_never_read_as_the_next_request(self, server: Server) -> None:
        inner = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
        head = b"GET /-/ready HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(inner)
        answer = raw(server, head + inner)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"Connection: close" in answer


class TestLandingPage:
    PAGE = Page(
        "Orion <b>",
        "1.2.3",
        [
            (
                "The log & more",
                [Row("ok", "File", "is <read>"), Row("warn", "Form", "w"), Row("bad", "Disk", "b"), Row("off", "A", "o")],
            )
        ],
    )

    def test_says_each_state_in_words_and_escapes_what_it_is_given(self) -> None:
        with serving(page=lambda: self.PAGE) as server:
            response, body = fetch(server, "/")
        text = body.decode()
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert all(word in text for word in ("fine", "look", "problem", "off", "1 problem, 1 to look at", "1.2.3"))
        assert "Orion &lt;b&gt;" in text
        assert "The log &amp; more" in text
        assert "is &lt;read&gt;" in text
        assert "<b>" not in text

    def test_needs_nothing_from_elsewhere(self, server: Server) -> None:
        response, body = fetch(server, "/")
        text = body.decode()
        assert not any(part in text for part in ("<script", "http:", "https:", "src=", "url(", "@import", "<link"))
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "prefers-color-scheme: dark" in text
        assert "everything is fine" in text
