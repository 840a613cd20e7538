"""The sample logs, written by the real bots: what the exporter counts is what grep, sed and a naive reader count."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bigdipper_exporter.log.lines.cycles import Cycle
from bigdipper_exporter.log.parser import PENDING_LIMIT, Reader
from bigdipper_exporter.log.records import ParsedChunk
from bigdipper_exporter.log.rule import Event, Malformed
from tests import oracle
from tests.running import Monitor, Series, content, counters, monitor

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.log"))
PIECE = 16 * 1024


def labelled(samples: Series, name: str) -> Counter[tuple[str, ...]]:
    """Values of the series of one counter that are not 0, by their label values in the order of the labels' names."""
    return Counter(
        {tuple(value for _, value in labels): int(count) for (n, labels), count in samples.items() if n == name and count}
    )


@pytest.fixture(scope="module", params=SAMPLES, ids=lambda path: path.stem)
def sample(request: pytest.FixtureRequest) -> Path:
    assert isinstance(request.param, Path)
    return request.param


@pytest.fixture(scope="module")
def read(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    """One sample, read whole."""
    with monitor(tmp_path_factory.mktemp("read")) as one:
        one.log.write_bytes(sample.read_bytes())
        one.catch_up()
        yield one


def test_lines_and_bytes_are_those_of_wc(sample: Path, read: Monitor) -> None:
    assert (read.value("bigdipper_log_lines_total"), read.value("bigdipper_log_bytes_total")) == oracle.wc(sample)


def test_records_by_level_are_those_of_grep(sample: Path, read: Monitor) -> None:
    for level in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        expected = oracle.grep(sample, rf"^[0-9-]{{10}} [0-9:]{{8}} \[{level}\]")
        assert read.value("bigdipper_log_records_total", level=level) == expected


def test_lines_by_event_are_those_of_grep_and_none_is_malformed(sample: Path, read: Monitor) -> None:
    found = {kind: int(count) for (kind,), count in labelled(read.samples(), "bigdipper_log_events_total").items()}
    assert found == oracle.events(sample)
    assert not labelled(read.samples(), "bigdipper_log_malformed_total")


def test_trades_by_symbol_and_their_value_are_those_of_sed(sample: Path, read: Monitor) -> None:
    trades = oracle.sed(sample, r"(\[TRADE\]|✅) BUY ([A-Z]+).* = \$([0-9.,]+).*", r"\2 \3")
    by_symbol, value = Counter[str](), defaultdict[str, float](float)
    for text, count in trades.items():
        symbol, dollars = text.split()
        by_symbol[symbol] += count
        value[symbol] += count * float(dollars.replace(",", ""))
    assert labelled(read.samples(), "bigdipper_trades_total") == {(s,): n for s, n in by_symbol.items()}
    assert dict(read.rows("SELECT symbol, count(*) FROM trades GROUP BY symbol")) == by_symbol
    for symbol, sold in value.items():
        assert read.value("bigdipper_trade_value_usd_total", symbol=symbol) == pytest.approx(sold)
    stored = dict(read.rows("SELECT symbol, sum(total_value) FROM trades GROUP BY symbol"))
    assert stored == pytest.approx(value)


def test_skips_by_symbol_and_reason_are_those_of_sed(sample: Path, read: Monitor) -> None:
    expected = oracle.skips(sample)
    assert {(s, r): n for (r, s), n in labelled(read.samples(), "bigdipper_skips_total").items()} == expected
    stored = read.rows(
        "SELECT symbol, reason, count(*) FROM skips GROUP BY 1, 2"
        " UNION ALL SELECT symbol, reason, sum(count) FROM skip_counts GROUP BY 1, 2"
    )
    assert {(symbol, reason): count for symbol, reason, count in stored} == expected
    missed = Counter[str]()
    for (_, reason), count in expected.items():
        missed[reason] += count if reason not in oracle.ROUTINE else 0
    missed["missed_brake"] = oracle.live(sample).missed
    assert labelled(read.samples(), "bigdipper_missed_trades_total") == {(r,): n for r, n in missed.items() if n}


def test_routine_skips_are_hourly_sums(sample: Path, read: Monitor) -> None:
    stored = {(hour, symbol, reason): n for hour, symbol, reason, n in read.rows("SELECT * FROM skip_counts")}
    assert stored == oracle.live(sample).skip_counts


def test_each_cycle_has_one_account_row_with_its_figures(sample: Path, read: Monitor) -> None:
    stored = read.rows("SELECT ts, equity, cash FROM account_history WHERE source = 'log' ORDER BY id")
    assert stored == oracle.live(sample).accounts
    assert read.value("bigdipper_bot_equity_usd") == stored[-1][1]
    assert read.value("bigdipper_bot_cash_usd") == stored[-1][2]


def test_each_cycle_and_symbol_has_one_opportunity_with_its_outcome(sample: Path, read: Monitor) -> None:
    expected = oracle.live(sample).opportunities
    assert read.rows("SELECT symbol, outcome FROM opportunities ORDER BY id") == expected
    by_symbol = Counter((symbol,) for symbol, _ in expected)
    assert labelled(read.samples(), "bigdipper_opportunities_total") == by_symbol


def test_brake_episodes_their_cycles_and_their_time(sample: Path, read: Monitor) -> None:
    life = oracle.live(sample)
    stored = read.rows("SELECT started, ended, cycles, last_seen - started FROM brake_events ORDER BY started")
    assert stored == life.brakes
    assert read.value("bigdipper_brake_episodes_total") == len(life.brakes)
    assert read.value("bigdipper_brake_seconds_total") == sum(seconds for *_, seconds in life.brakes)
    assert (read.pipeline.snapshot.bot.brake is not None) == bool(life.brakes and life.brakes[-1][1] is None)
    assert read.value("bigdipper_brake_active") is None, "the samples are of long ago"
    assert labelled(read.samples(), "bigdipper_halts_total") == {(c,): n for c, n in life.halts.items()}


def test_cycles_starts_errors_and_durations(sample: Path, read: Monitor) -> None:
    cycles = oracle.grep(sample, oracle.HEADER + "Cycle #")
    assert read.value("bigdipper_bot_cycles_total") == cycles
    assert read.value("bigdipper_bot_cycle_number") == int(next(iter(oracle.cycles(sample)[-1]))[1].split("#")[1].split()[0])
    assert read.value("bigdipper_bot_starts_total") == oracle.grep(sample, oracle.HEADER + ".*Dipper.* started in")
    assert read.value("bigdipper_bot_errors_total", kind="cycle") == oracle.grep(sample, oracle.HEADER + "❌ Cycle error")
    took = oracle.sed(sample, r"⏱️  Cycle took ([0-9.]+)s.*", r"\1")
    assert read.value("bigdipper_bot_cycle_duration_seconds_count") == took.total()
    total = sum(float(seconds) * count for seconds, count in took.items())
    assert read.value("bigdipper_bot_cycle_duration_seconds_sum") == pytest.approx(total)


def test_the_days_sums_are_the_sums_of_the_rows(sample: Path, read: Monitor) -> None:
    by_day = Counter(oracle.trading_day(cycle[0][0]) for cycle in oracle.cycles(sample))
    assert dict(read.rows("SELECT date, cycles FROM daily_stats WHERE cycles")) == by_day
    day = read.rows(
        "SELECT trades_count, total_deployed, brake_events, brake_seconds, missed_trades, opportunities, starting_equity,"
        " ending_equity, peak_equity, trough_equity FROM daily_stats"
    )
    life, trades = oracle.live(sample), read.rows("SELECT count(*), total(total_value) FROM trades")[0]
    equities = [equity for _, equity, _ in life.accounts]
    missed = sum(n for (_, reason), n in oracle.skips(sample).items() if reason not in oracle.ROUTINE)
    missed += oracle.missed_by_brake(sample)
    brakes = (len(life.brakes), sum(seconds for *_, seconds in life.brakes), missed, len(life.opportunities))
    assert day == [pytest.approx((*trades, *brakes, equities[0], equities[-1], max(equities), min(equities)))]


def test_the_form_is_named_by_the_first_lines_that_only_it_prints(sample: Path, read: Monitor) -> None:
    form = {"form": "design", "v2.16": "v2.16", "v2.17": "v2.17", "v2.18": "v2.18"}[sample.stem.rpartition("_")[2]]
    version = "unknown" if form in ("design", "v2.16") else "2.16"  # v2.18 prints v2.16
    mode = "unknown" if form == "design" else "paper"
    assert read.value("bigdipper_bot_info", version=version, mode=mode, log_form=form) == 1


# -- all of them in one file, and through Docker


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    """All samples, one after the other in one file."""
    with monitor(tmp_path_factory.mktemp("together")) as one:
        one.log.write_bytes(b"".join(path.read_bytes() for path in SAMPLES))
        one.catch_up()
        yield one


def test_all_forms_in_one_file_add_up(together: Monitor, tmp_path: Path) -> None:
    summed: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
    for number, path in enumerate(SAMPLES):
        (folder := tmp_path / str(number)).mkdir()
        with monitor(folder) as one:
            one.log.write_bytes(path.read_bytes())
            one.catch_up()
            summed.update({key: value for key, value in counters(one.samples()).items() if "brake_" not in key[0]})
    found = {key: value for key, value in counters(together.samples()).items() if "brake_" not in key[0]}
    assert {key: value for key, value in found.items() if value} == pytest.approx({k: v for k, v in summed.items() if v})
    # An episode that is open at the end of one log goes on in the next: no line has proved its end.
    life = oracle.live(together.log)
    stored = together.rows("SELECT started, cycles, duration_seconds FROM brake_events WHERE ended ORDER BY id")
    assert stored == [(started, cycles, seconds) for started, ended, cycles, seconds in life.brakes if ended]
    assert together.value("bigdipper_brake_seconds_total") == sum(seconds for *_, seconds in life.brakes)
    assert together.rows("SELECT symbol, outcome FROM opportunities ORDER BY id") == life.opportunities


def docker(data: bytes, rng: random.Random) -> bytes:
    """The lines as Docker's json-file driver writes them: one JSON object per write, long ones split every 16 KiB."""
    out = []
    stamp = 0.0
    for line in data.decode().splitlines(keepends=True):
        stamp = oracle.unix(line[:19]) if line[:2] == "20" else stamp
        time = f"{datetime.fromtimestamp(stamp, UTC):%Y-%m-%dT%H:%M:%S}"
        for start in range(0, len(line), PIECE):
            entry = {"log": line[start : start + PIECE], "stream": "stderr", "time": f"{time}.{rng.randrange(10**9):09d}Z"}
            out.append(json.dumps(entry, ensure_ascii=rng.random() < 0.5, separators=(",", ":")) + "\n")
    return "".join(out).encode()


def test_docker_json_file_gives_the_same(sample: Path, read: Monitor, tmp_path: Path) -> None:
    rng = random.Random(17)
    with monitor(tmp_path) as one:
        one.log.write_bytes(docker(sample.read_bytes(), rng))
        one.catch_up()
        assert _but_size(counters(one.samples())) == pytest.approx(_but_size(counters(read.samples())), abs=2)
        here, there = content(one.archive), content(read.archive)
        for table in ("account_history", "trades", "skips", "opportunities", "scans", "bot_events"):
            # Docker's time has a fraction; identities are positions in another file.
            assert sorted(repr((int(ts), *rest)) for _, ts, *rest in here[table]) == sorted(
                repr((int(ts), *rest)) for _, ts, *rest in there[table]
            )
        assert here["skip_counts"] == there["skip_counts"]


def test_carriers_and_forms_mixed_line_by_line_in_one_file_and_long_messages_split_by_docker(tmp_path: Path) -> None:
    rng = random.Random(18)
    long = "2025-11-04 20:00:00 [ERROR] AMD: Execution error - " + "x" * 40_000 + "\n"
    traceback = "Traceback (most recent call last):\n  [TRADE] BUY AMD 1 @ $1.00 = $1.00\n"
    lines = [line for path in SAMPLES for line in path.read_bytes().splitlines(keepends=True)]
    plain = b"".join(lines) + long.encode() + traceback.encode()
    mixed = b"".join(
        docker(line, rng) if rng.random() < 0.3 and line[:2] == b"20" else line for line in plain.splitlines(keepends=True)
    )
    assert len(docker(long.encode(), rng).splitlines()) == 3
    results = []
    for number, data in enumerate((plain, mixed, docker(plain, rng))):
        (folder := tmp_path / str(number)).mkdir()
        with monitor(folder) as one:
            one.log.write_bytes(data)
            one.catch_up()
            results.append(_but_size(counters(one.samples())))
            assert one.value("bigdipper_skips_total", symbol="AMD", reason="order_failed") == 1
    assert results[1] == pytest.approx(results[0], abs=2)
    assert results[2] == pytest.approx(results[0], abs=2)


@pytest.mark.parametrize("damaged", ['{"log":"25-10-17 09:31:05 [{"log":"x","stream":"stderr"}', '{"log": tru'])
def test_a_damaged_piece_of_docker_does_not_cost_the_next_message(damaged: str, tmp_path: Path) -> None:
    def piece(text: str) -> str:
        return f'{{"log":"{text}","stream":"stderr","time":"2025-10-17T13:31:05.123456789Z"}}'

    with monitor(tmp_path) as one:
        one.say(piece("20"), damaged, piece("2025-"), piece("10-17 09:31:05 [INFO] Cycle #7 - 09:31:05\\n"))
        assert one.value("bigdipper_bot_cycle_number") == 7
        assert one.value("bigdipper_log_malformed_total", kind="docker") == 1


def test_a_message_of_docker_that_never_ends_is_given_up_and_the_next_one_read() -> None:
    reader, portion, rng = Reader(oracle.NEW_YORK), ParsedChunk(), random.Random(19)
    endless = "2025-10-17 09:30:00 [INFO] " + "x" * 3 * PENDING_LIMIT
    lines = [f"{endless}\n".encode(), b"2025-10-17 09:30:00 [INFO] Cycle #1\n"]
    for number, line in enumerate(b"".join(docker(line, rng) for line in lines).splitlines(keepends=True)):
        reader.read(1, number, line, portion)
        assert sum(len(piece.text) for piece in reader.pending.values()) <= PENDING_LIMIT
    expected: list[Event] = [Malformed("length"), Cycle(1)]
    assert [record.event for record in portion.records] == expected


def _but_size(samples: Series) -> Series:
    return {
        key: value for key, value in samples.items() if key[0] not in ("bigdipper_log_bytes_total", "bigdipper_log_lines_total")
    }
