"""A bot that trades by Big Dipper's published rules and logs like its release v2.18, with that release's own bugs."""

from __future__ import annotations

import random
from datetime import datetime, time

from bigdipper_exporter.calendar import NEW_YORK, Session
from bigdipper_exporter.demo.simulator import rules
from bigdipper_exporter.demo.simulator.botlog import TRACEBACK, BotLog
from bigdipper_exporter.demo.simulator.trading import Account, ApiError, Desk, Trader, money
from bigdipper_exporter.demo.simulator.truth import Tally
from bigdipper_exporter.demo.simulator.units import DOLLAR

LINE = "=" * 60
EXTENDED = ((time(4), time(9, 30), "Pre-Market"), (time(16), time(20), "After-Hours"))
MOVER = 0.005  # gains and losses that are worth a line
STOCK = "us_equity"


class Bot:
    """One run of the bot, with the settings that it read at its start.

    `begin` writes the start-up lines; `cycle` is called at the end of each cycle.
    """

    def __init__(self, desk: Desk, log: BotLog, tally: Tally, settings: rules.Settings, seed: int = 0) -> None:
        self.desk, self.log, self.tally, self.settings = desk, log, tally, settings
        self._random = random.Random(f"bot {seed}")
        self.number = self.failures = self.brake_cycles = 0
        self.trader = Trader(desk, log, tally, settings)
        self.cycle_starts = self.wake_at = 0.0
        self.stopped = False

    def begin(self, ts: float) -> None:
        self.tally.starts += 1
        log, settings = self.log, self.settings
        log.at(ts)
        log.info("🌟 Big Dipper v2.16 started in PAPER mode")
        log.info(f"📊 Watching {len(settings.symbols)} symbols: {', '.join(settings.symbols)}")
        shallow, deep = min(settings.thresholds.values()), max(settings.thresholds.values())
        log.info(
            f"📉 Default dip: {settings.default_threshold:.2%}, Range: {shallow:.1%}-{deep:.1%}, "
            f"Base position: {settings.base_position:.2%}"
        )
        log.info("🚀 Starting main loop...")
        log.flush()
        self._sleep_until(ts)

    def shut_down(self, ts: float) -> None:
        """Ctrl-C: the last lines of a run."""
        self.log.at(ts)
        self.log.info("\n👋 Shutting down gracefully...")
        self.log.info("🌙 Little Dipper stopped")
        self.log.flush()
        self.stopped = True

    def _sleep_until(self, ts: float) -> None:
        """The next cycle starts at `ts`; the world wakes the bot when it ends, and it logs both moments."""
        self.cycle_starts = ts
        self.wake_at = ts + self._random.uniform(1.6, 4.4)

    def cycle(self) -> None:
        """The cycle that ends now: `wake_at`."""
        self.number += 1
        self.tally.cycles += 1
        start, end, log = self.cycle_starts, self.wake_at, self.log
        log.at(start)
        log.info(f"\n{LINE}")
        log.info(f"Cycle #{self.number} - {log.stamp[11:]}")
        log.info(LINE)
        try:
            completed = self._run(start, end)
        except ApiError as error:
            pause = rules.retry_pause(self.failures)
            log.error(f"❌ Cycle error: {error}\n{TRACEBACK.format(status=error.status, body=error)}")
            log.warning(f"⏸️  Pausing {pause}s before retry (attempt {self.failures + 1})...")
            self.failures += 1
            self.tally.errors["cycle"] += 1
            self._sleep_until(end + pause)
        else:
            self._sleep_until((start if completed else end) + self.settings.scan_seconds)
        log.flush()

    def _run(self, start: float, end: float) -> bool:
        """One pass; False when it stopped early and the bot sleeps its full minute from the end."""
        log = self.log
        self.desk.call("clock")
        session, name = self._believed_session(start)
        if session == "closed":
            opens = datetime.fromtimestamp(self.desk.next_open(), NEW_YORK)
            log.info(f"💤 Market closed. Next open: {opens:%Y-%m-%d %H:%M} ET")
            log.info(f"Sleeping {self.settings.scan_seconds} seconds...\n")
            return False
        log.info(f"☀️ {name} (regular hours)" if session == "regular" else f"🌙 {name} (extended hours)")
        log.at(start + (end - start) * 0.15)
        account = self._account(start)
        if account is None:
            return False
        log.at(end)
        found = self.trader.scan(account, end)
        self.trader.trade(found, account, session == "extended", end)
        log.info(f"⏱️  Cycle took {end - start:.1f}s, sleeping {max(0.0, 60 - (end - start)):.1f}s...\n")
        self.failures = 0
        return True

    def _believed_session(self, ts: float) -> tuple[Session, str]:
        """The broker's clock, then the time of day: the bot takes weekends and holidays for extended hours."""
        if self.desk.session() == "regular":
            return "regular", "Regular Hours"
        now = datetime.fromtimestamp(ts, NEW_YORK).time()
        for begin, finish, name in EXTENDED:
            if begin <= now < finish:
                return "extended", name
        return "closed", "Closed"

    def _account(self, start: float) -> Account | None:
        """Read the account and the positions; None when the cycle halts here."""
        log, ledger = self.log, self.desk.ledger
        self.desk.call("account")
        equity = ledger.equity() / DOLLAR
        if equity <= 0:
            log.error(f"❌ CRITICAL: Account equity is ${equity:.2f} (≤ 0) - halting trading")
            self.tally.halts["equity_not_positive"] += 1
            self.stopped = True
            return None
        try:
            self.desk.call("positions")
        except ApiError as error:
            log.error("❌ POSITION TRACKING FAILED (likely due to options positions)")
            log.error(f"   SDK error: {error}")
            log.error("⏸️  HALTING ALL TRADING this cycle to prevent over-allocation")
            log.error("   System will automatically resume when positions load successfully")
            log.error(f"   Next retry in {self.settings.scan_seconds} seconds...")
            self.tally.halts["positions_unavailable"] += 1
            return None
        stocks = {s: ledger.value(s) / DOLLAR for s in ledger.positions if ledger.asset(s).asset_class == STOCK}
        account = Account(equity, ledger.cash / DOLLAR, ledger.buying_power() / DOLLAR, stocks, sum(stocks.values()))
        stamp = int(start + (self.wake_at - start) * 0.15)
        if account.leverage > self.settings.brake_leverage:
            self.tally.brake(stamp)
            self._brake(account)
            return None
        self.brake_cycles = 0
        self.tally.past_the_brake(stamp)
        self._log_account(account)
        return account

    def _brake(self, account: Account) -> None:
        log = self.log
        self.brake_cycles += 1
        missed = 0
        if self.brake_cycles in rules.BRAKE_SCAN_CYCLES:
            log.info("📊 Scanning for missed opportunities (brake persists)...")
            missed = len(self.trader.qualifying())
        limit = account.equity * self.settings.brake_leverage
        log.info(f"⚠️  EMERGENCY BRAKE: Leverage {account.leverage:.1%} > {self.settings.brake_leverage:.1%}")
        log.info(f"   Position value: {money(account.invested)} ({account.leverage:.1%} of equity)")
        log.info(f"   Limit: {money(limit)} ({self.settings.brake_leverage:.0%} of equity)")
        log.info(f"   Must reduce positions by {money(account.invested - limit)}")
        if missed:  # the release reads a key that its own list does not have
            log.info(f"   Missed {missed} opportunities during brake:")
            log.error("❌ UNEXPECTED ERROR getting positions: 'score'")
            log.error("⏸️  HALTING ALL TRADING this cycle for safety")
            log.error(f"   Next retry in {self.settings.scan_seconds} seconds...")
        else:
            log.error("   HALTING ALL TRADING this cycle")

    def _log_account(self, account: Account) -> None:
        log, ledger = self.log, self.desk.ledger
        figures = f"[ACCOUNT] equity=${account.equity:.2f} cash=${account.cash:.2f} leverage={account.leverage:.1%}"
        if not account.stocks:
            log.info("📊 Positions: None")
            log.info(figures)
            return
        log.info(f"📊 Positions: {len(account.stocks)} stocks, {money(account.invested)} invested ({account.leverage:.2%})")
        gains = {s: (ledger.value(s) - ledger.positions[s].cost) / DOLLAR for s in account.stocks}
        total = sum(gains.values())
        debt = max(0.0, account.cash + account.invested - account.equity)  # always about nothing: the release's bug
        log.info(f"{figures} margin_debt=${debt:.2f} pl=${total:+.2f} pl_pct={total / account.equity:+.2%}")
        movers = sorted((gains[s] * DOLLAR / abs(ledger.positions[s].cost), s) for s in account.stocks)
        winners = [f"{s} {ratio:+.1%}" for ratio, s in reversed(movers) if ratio > MOVER][:3]
        losers = [f"{s} {ratio:+.1%}" for ratio, s in movers if ratio < -MOVER][:3]
        if winners:
            log.info(f"   Winners: {', '.join(winners)}")
        if losers:
            log.info(f"   Losers: {', '.join(losers)}")
