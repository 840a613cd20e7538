"""The metrics as others read them: Prometheus' own judgement, the names that dashboards rest on, the generated reference."""

import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.docs import documents
from bigdipper_exporter.log.lines.errors import ERROR_KINDS, HALT_CAUSES
from bigdipper_exporter.log.lines.skips import REASONS
from bigdipper_exporter.metrics import counters
from bigdipper_exporter.metrics.registry import METRICS, NOW
from bigdipper_exporter.metrics.table import Counter, Histogram
from tests.golden.__main__ import GOLDEN, extended, line
from tests.projection.bot import BRAKE, cycle
from tests.running import command, exporter, series, wait_for

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.log"))

# The names that are promised to other people's rules and queries.
BOT = """
bot_equity_usd bot_cash_usd bot_margin_ratio bot_leverage_ratio bot_unrealized_pl_usd bot_unrealized_pl_ratio bot_cycle_number
bot_cycles_total bot_cycle_duration_seconds bot_starts_total bot_info trades_total trade_value_usd_total opportunities_total
skips_total brake_active brake_started_timestamp_seconds brake_episodes_total brake_seconds_total brake_level_ratio halts_total
bot_errors_total market_session
day_trades day_deployed_usd day_fills day_missed_trades day_brake_seconds day_start_timestamp_seconds
"""
EXPORTER = """
exporter_build_info log_up log_lines_total log_bytes_total log_records_total log_events_total log_malformed_total
log_last_line_timestamp_seconds log_lag_bytes log_rotations_total log_truncations_total log_gaps_total log_ingest_delay_seconds
archive_rows archive_size_bytes archive_commit_duration_seconds archive_errors_total
"""
BROKER = """
account_equity_usd account_cash_usd account_buying_power_usd account_last_equity_usd account_long_market_value_usd
account_short_market_value_usd account_initial_margin_usd account_maintenance_margin_usd account_margin_debt_usd
account_margin_ratio account_leverage_ratio account_gross_exposure_ratio account_day_pl_usd account_day_pl_ratio
account_unrealized_pl_usd account_blocked positions position_quantity position_market_value_usd position_cost_basis_usd
position_avg_entry_price_usd position_current_price_usd position_unrealized_pl_usd position_unrealized_pl_ratio
position_intraday_pl_usd orders_open order_oldest_open_timestamp_seconds orders_total fills_total fill_value_usd_total
market_open market_next_open_timestamp_seconds market_next_close_timestamp_seconds alpaca_up
alpaca_last_success_timestamp_seconds alpaca_requests_total alpaca_request_failures_total alpaca_request_duration_seconds
alpaca_rate_limit_remaining alpaca_configured account_equity_peak_usd account_drawdown_ratio limit_ratio limit_distance_usd
limit_distance_ratio
"""


def test_every_promised_name_is_in_the_table() -> None:
    names = {metric.name for metric in METRICS}
    assert {f"bigdipper_{name}" for name in (BOT + EXPORTER + BROKER).split()} <= names
    assert len(names) == len(METRICS)


def test_names_types_and_labels_are_those_of_the_golden_list() -> None:
    """Dashboards and rules of others rest on them: a change of this list is a change of the contract."""
    golden = GOLDEN.read_text("utf-8").splitlines()
    assert golden == extended(golden), "run `make docs`, which adds new metrics to tests/golden/metrics.txt"
    assert golden == sorted(map(line, METRICS)), "others rest on these names: edit tests/golden/metrics.txt by hand"


def test_every_declared_counter_is_shown() -> None:
    declared = {one.name for one in vars(counters).values() if isinstance(one, Counter | Histogram)}
    assert declared == {one.name for one in METRICS if isinstance(one, Counter | Histogram)}


def test_the_generated_documents_are_up_to_date() -> None:
    stale = [path.name for path, text in documents().items() if path.read_text("utf-8") != text]
    assert not stale, f"run `python -m bigdipper_exporter.docs`: {stale}"


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Text and OpenMetrics of an exporter that has read all samples, and a brake of now."""
    moment = datetime.now(NEW_YORK)
    brake = "".join(f"{line}\n" for line in cycle(f"{moment:%H:%M:%S}", BRAKE, day=f"{moment:%Y-%m-%d}"))
    log = b"".join(path.read_bytes() for path in SAMPLES) + brake.encode()
    with exporter(tmp_path_factory.mktemp("scraped"), log=log) as one:
        one.wait_ready()
        return one.get("/metrics")[1], one.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")[1]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool (Debian's package prometheus)")
def test_promtool_finds_nothing_to_say(scraped: tuple[str, str]) -> None:
    done = subprocess.run(["promtool", "check", "metrics"], input=scraped[0], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_both_formats_parse_and_say_the_same(scraped: tuple[str, str]) -> None:
    text, openmetrics = (series(parse(body)) for parse, body in zip((parse_text, parse_openmetrics), scraped, strict=True))
    moving = (
        "process_",
        "bigdipper_archive_",
        "bigdipper_log_ingest",
        "bigdipper_exporter_loop_age",
        "bigdipper_day_brake_seconds",
    )
    assert {k: v for k, v in text.items() if not k[0].startswith(moving)} == {
        k: v for k, v in openmetrics.items() if not k[0].startswith(moving)
    }
    assert scraped[1].endswith("# EOF\n")


def test_what_is_scraped_often_exists_and_is_no_counter() -> None:
    assert {metric.name for metric in METRICS if metric.type == "gauge"} >= NOW


def test_the_two_parts_have_every_series_once(tmp_path: Path) -> None:
    with exporter(tmp_path) as one:
        one.log.write_bytes(SAMPLES[-1].read_bytes())
        one.wait_lines(SAMPLES[-1].read_bytes().count(b"\n"))
        queries = ("", "?collect[]=now", "?exclude[]=now", "")

        def scrapes() -> list[set[tuple[str, tuple[tuple[str, str], ...]]]] | None:
            """The parts between two equal scrapes: series of the archive's size appear within the first second."""
            found = [set(series(parse_text(one.get(f"/metrics{query}")[1]))) for query in queries]
            return found if found[0] == found[-1] else None

        whole, now, rest, _ = wait_for(scrapes, "no new series")
    assert now | rest == whole
    assert now & rest == set()
    assert {name for name, _ in now} <= NOW
    assert not {name for name, _ in rest} & NOW


def test_every_promised_metric_of_log_and_exporter_has_its_series(scraped: tuple[str, str]) -> None:
    present = {name for name, _ in series(parse_text(scraped[0]))}
    histograms = {metric.name for metric in METRICS if metric.type == "histogram"}
    promised = {f"bigdipper_{name}" for name in (BOT + EXPORTER).split()}
    wanted = {f"{name}_count" if name in histograms else name for name in promised}
    # The last sample is v2.18's: no margin; without a broker there are no fills.
    assert wanted - present == {"bigdipper_bot_margin_ratio", "bigdipper_day_fills"}
    assert "bigdipper_alpaca_configured" in present
    assert not {name for name in present if name.startswith(("bigdipper_account_", "bigdipper_position", "bigdipper_orders"))}


def test_units_and_help_are_told(scraped: tuple[str, str]) -> None:
    families = {family.name: family for family in parse_openmetrics(scraped[1])}
    assert families["bigdipper_bot_equity_usd"].unit == "usd"
    assert families["bigdipper_brake_level_ratio"].unit == "ratio"
    assert families["bigdipper_bot_cycle_duration_seconds"].unit == "seconds"
    assert all(family.documentation for family in families.values())


def test_what_is_known_in_advance_is_there_with_0_before_the_first_incident(tmp_path: Path) -> None:
    with exporter(tmp_path) as one:
        one.log.write_text("2025-10-17 09:30:00 [INFO] 📊 Watching 2 symbols: AMD, BRK.B\n")
        one.wait_lines(1)
        samples = one.samples()
    for reason in REASONS:
        assert samples["bigdipper_skips_total", (("reason", reason), ("symbol", "BRK.B"))] == 0
    assert all(samples["bigdipper_halts_total", (("cause", cause),)] == 0 for cause in HALT_CAUSES)
    assert all(samples["bigdipper_bot_errors_total", (("kind", kind),)] == 0 for kind in ERROR_KINDS)
    assert samples["bigdipper_trades_total", (("symbol", "AMD"),)] == 0
    for name in ("brake_episodes_total", "brake_seconds_total", "archive_errors_total", "log_rotations_total"):
        assert samples[f"bigdipper_{name}", ()] == 0


def test_the_series_stay_few_enough_to_scrape_every_few_seconds(scraped: tuple[str, str]) -> None:
    assert 500 < len(series(parse_text(scraped[0]))) < 3000


def test_a_wrong_path_is_no_metric(tmp_path: Path) -> None:
    with exporter(tmp_path, "--web.telemetry-path", "/elsewhere") as one:
        assert one.get("/metrics")[0] == 404
        assert one.get("/elsewhere")[0] == 200
    assert command("run", "--web.telemetry-path", "nowhere", "--log.path", one.log).returncode == 2
