"""The bots, the dashboard, and the account."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from bigdipper_exporter import calendar
from bigdipper_exporter.api.context import Asked, AskedBot, InPeriod
from bigdipper_exporter.api.models.account import AccountHistory, AccountNow, AccountPoint, Benchmark, Performance
from bigdipper_exporter.api.models.base import Listed, utc
from bigdipper_exporter.api.models.dashboard import Bot, BrakeNow, Dashboard, Market
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.queries import account as queries
from bigdipper_exporter.metrics.bot import braked
from bigdipper_exporter.metrics.day import log_profit
from bigdipper_exporter.metrics.limits import limits_of
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.money.account import margin_debt, ratio_of_equity
from bigdipper_exporter.money.limits import LimitName

router = APIRouter(prefix="/api/v1")


@router.get("/bots", summary="The bots that this API knows", tags=["bots"])
def bots(asked: AskedBot) -> Listed[Bot]:
    """Return every archive and whether it can be read. The first is the default of the parameter `bot`."""
    names = asked.services.archives.names if asked.bot is None else [asked.bot]
    return Listed(items=[_bot(Asked(asked.request, asked.services, name)) for name in names])


def _bot(asked: Asked) -> Bot:
    assert asked.bot is not None
    try:
        with asked.archive() as connection:
            now = asked.snapshot(connection)
    except ArchiveError as error:
        return Bot(name=asked.bot, available=False, problem=str(error), mode=None, version=None, last_update=None)
    known = now.bot
    return Bot(
        name=asked.bot,
        available=True,
        problem=None,
        mode=None if known.mode == "unknown" else known.mode,
        version=None if known.version == "unknown" else known.version,
        last_update=utc(last_update(now)),
    )


@router.get("/dashboard", summary="Everything at a glance", tags=["dashboard"])
def dashboard(asked: AskedBot) -> Dashboard:
    """Return status, money, brake and today's orders."""
    with asked.archive() as connection:
        now = asked.snapshot(connection)
    return Dashboard(
        bot=asked.services.archives.name(asked.bot),
        account=account_now(now),
        market=market(now, asked.now),
        positions=position_count(now),
        trades_today=now.day.trades,
        brake=brake_now(now, asked.now),
        running=now.is_running(asked.now),
        last_cycle=utc(now.bot.cycle_ts),
        last_update=utc(last_update(now)),
    )


@router.get("/account/current", summary="The account now", tags=["account"])
def current(asked: AskedBot) -> AccountNow:
    """Return the newest figures of the account."""
    with asked.archive() as connection:
        return account_now(asked.snapshot(connection))


@router.get("/account/history", summary="The account over time", tags=["account"])
def history(
    asked: AskedBot,
    period: InPeriod = "1d",
    points: Annotated[int, Query(description="Most points.", ge=1, le=5000, examples=[300])] = 300,
) -> AccountHistory:
    """Return the account at up to `points` times of the period."""
    since = asked.since(period)
    with asked.archive() as connection:
        first = queries.oldest_account(connection)
        start = None if first is None else max(since, first)
        rows = [] if start is None else queries.account_history(connection, start, asked.now + 1, points)
    items = [AccountPoint.model_validate(row) for row in rows]
    return AccountHistory(period=period, since=utc(start), items=items)


@router.get("/account/performance", summary="What the account earned", tags=["account"])
def performance(asked: AskedBot, period: InPeriod = "1m") -> Performance:
    """Return profit, return, drawdown and risk of a period."""
    with asked.archive() as connection:
        first = asked.first_day(period)
        found, beside = queries.performance(connection, first), queries.beside_benchmark(connection, first)
    return Performance.model_validate({**asdict(found), "period": period, "benchmark": _benchmark(asked, beside)})


def _benchmark(asked: Asked, beside: queries.BesideBenchmark) -> Benchmark | None:
    if beside.account is None or beside.benchmark is None:
        return None
    return Benchmark(
        symbol=asked.services.benchmark,
        days=beside.days,
        return_percent=beside.benchmark,
        excess_percent=beside.account - beside.benchmark,
    )


def account_now(now: Snapshot) -> AccountNow:
    """The broker's figures; without a broker the log's, as the boards do."""
    if now.broker is None or now.broker.account is None:
        return _logged(now)
    broker, account = now.broker, now.broker.account
    return AccountNow(
        source="alpaca",
        time=utc(broker.account_at),
        equity=account.equity,
        cash=account.cash,
        buying_power=account.buying_power,
        margin_debt=account.margin_debt,
        margin_ratio=account.margin_ratio,
        leverage_ratio=broker.leverage_ratio,
        last_equity=account.last_equity,
        day_profit=broker.day_profit,
        day_return_percent=broker.day_return,
        unrealized_profit=broker.unrealized_pl,
        maintenance_margin=account.maintenance_margin,
    )


def _logged(now: Snapshot) -> AccountNow:
    bot = now.bot
    profit, returned = log_profit(now)
    debt = margin_debt(bot.cash)
    return AccountNow(
        source=None if bot.equity is None else "log",
        time=utc(bot.account_ts),
        equity=bot.equity,
        cash=bot.cash,
        buying_power=None,
        margin_debt=debt,
        margin_ratio=None if bot.equity is None else ratio_of_equity(debt, bot.equity),
        leverage_ratio=bot.leverage_ratio,
        last_equity=now.day.previous_equity,
        day_profit=profit,
        day_return_percent=returned,
        unrealized_profit=bot.pl,
        maintenance_margin=None,
    )


def market(now: Snapshot, at: float) -> Market:
    """The exchange by the NYSE's calendar, and as the bot believes."""
    session = calendar.session(at)
    return Market(
        open=session == "regular",
        session=session,
        bot_session=now.bot.session,
        next_open=utc(calendar.next_open(at)),
        next_close=utc(calendar.next_close(at)),
    )


def brake_now(now: Snapshot, at: float) -> BrakeNow:
    """The brake as its metrics show it."""
    active = braked(now)
    distance = limits_of(now).get(LimitName.BRAKE)
    episode = now.bot.brake if active else None
    return BrakeNow(
        active=None if active is None else bool(active),
        since=utc(None if episode is None else episode.started),
        held_today_seconds=now.brake_seconds_today(at),
        level_ratio=now.bot.brake_level,
        limit_ratio=None if distance is None else distance.limit,
        distance_usd=None if distance is None else distance.usd,
        distance_ratio=None if distance is None else distance.drop,
        dips_missed=None if episode is None else episode.missed,
    )


def position_count(now: Snapshot) -> int | None:
    """Open positions: the broker's, or as many as the bot counted."""
    if now.broker is not None and now.broker.positions is not None:
        return len(now.broker.positions)
    return now.bot.positions


def last_update(now: Snapshot) -> float | None:
    """The newest sign of life, of the log or the broker."""
    known = [now.bot.last_line, now.broker.account_at if now.broker else None]
    return max((at for at in known if at is not None), default=None)
