"""The bot's scan and its orders: what dips, what it may buy, what it logs about it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from bigdipper_exporter.calendar import Session
from bigdipper_exporter.demo.simulator import rules
from bigdipper_exporter.demo.simulator.botlog import BotLog
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.market import STOCKS, Market
from bigdipper_exporter.demo.simulator.orders import Order, Rejected
from bigdipper_exporter.demo.simulator.truth import Tally
from bigdipper_exporter.demo.simulator.units import CENT, SHARE

LISTED_LEFT_OUT = 3  # of the opportunities without capital the bot names the best


class ApiError(Exception):
    """A call to the broker failed; `str()` is the body of the answer."""

    def __init__(self, status: int, body: str) -> None:
        self.status = status
        super().__init__(body)


class Desk(Protocol):
    """The bot's way to the broker, in process. Every call counts against the account's rate limit."""

    ledger: Ledger
    market: Market

    def call(self, endpoint: str) -> None:
        """One request; raises `ApiError` when the broker is down."""

    def session(self) -> Session:
        """The exchange's session now."""

    def next_open(self) -> float:
        """The next regular opening, unix seconds."""

    def submit(self, symbol: str, shares: float, limit: float, extended: bool) -> Order:
        """Place a limit order to buy; raises `Rejected` or `ApiError`."""


class Account(NamedTuple):
    """What a cycle knows of the account, in dollars; `stocks` are signed market values, `invested` their sum."""

    equity: float
    cash: float
    buying_power: float
    stocks: dict[str, float]
    invested: float

    @property
    def leverage(self) -> float:
        return self.invested / self.equity


class Dip(NamedTuple):
    """A symbol that qualifies: its dip as a negative ratio, its price, what is held of it in dollars, and its score."""

    symbol: str
    ratio: float
    price: float
    held: float
    score: float


def money(value: float) -> str:
    return f"${value:,.2f}"


class Trader:
    """Scans and buys; remembers when it bought what, until the bot restarts."""

    def __init__(self, desk: Desk, log: BotLog, tally: Tally, settings: rules.Settings) -> None:
        self.desk, self.log, self.tally, self.settings = desk, log, tally, settings
        self.bought_at: dict[str, float] = {}

    def qualifying(self) -> list[str]:
        """The symbols that dip deep enough, whatever else speaks against buying."""
        if self.desk.session() == "closed":  # no fresh quotes, as on a weekend
            return []
        market, settings = self.desk.market, self.settings
        deep = market.dipping(settings.min_absolute_dip)
        return [s for s in deep if s in settings.symbols and settings.qualifies(market.dip(s), s)]

    def scan(self, account: Account, now: float) -> list[Dip]:
        """The dips worth an order, best score first."""
        if self.desk.session() == "closed":
            return self._report([])
        candidates = self.settings.symbols if self.log.debugging else self.qualifying()
        found = []
        for symbol in candidates:
            ratio = self.desk.market.dip(symbol)
            held = account.stocks.get(symbol, 0.0)
            if self.log.debugging:
                self._log_dip(symbol, ratio)
            refusal = self._refusal(symbol, ratio, held, account.equity, now)
            if refusal is None:
                price = self.desk.market.bid(symbol) / 100
                score = self.settings.score(ratio, symbol)
                found.append(Dip(symbol, ratio, price, held, score))
                if self.log.debugging:
                    self.tally.opportunities[symbol] += 1
                    self.log.debug(f"[OPPORTUNITY] {symbol} {ratio:.2%} @ {money(price)} score={score:.2f}x QUALIFIED")
            elif self.log.debugging:
                reason, message = refusal
                self.tally.skips[symbol, reason] += 1
                self.log.debug(message)
        return self._report(sorted(found, key=lambda dip: dip.score, reverse=True))

    def _log_dip(self, symbol: str, ratio: float) -> None:
        limit = self.settings.threshold(symbol)
        verdict = f"✓ (threshold: {-limit:.2%})" if ratio <= -limit else f"(need {-limit:.2%})"
        self.log.debug(f"{symbol}: {ratio:.2%} from 20d high {verdict}")

    def _refusal(self, symbol: str, ratio: float, held: float, equity: float, now: float) -> tuple[str, str] | None:
        """Why not to buy, as reason code and log message."""
        if now - self.bought_at.get(symbol, float("-inf")) < self.settings.cooldown_hours * rules.HOUR:
            return "cooldown", f"{symbol}: Cooldown active (local cache)"
        if -ratio < self.settings.min_absolute_dip:
            minimum = self.settings.min_absolute_dip
            return "below_absolute_min", f"[SKIP] {symbol} Dip {ratio:.1%} < absolute min {minimum:.1%}"
        if -ratio < (limit := self.settings.threshold(symbol)):
            return "below_threshold", f"[SKIP] {symbol} Dip {ratio:.1%} < threshold {limit:.1%}"
        if held >= (largest := equity * self.settings.max_position):
            return "position_at_max", f"[SKIP] {symbol} Position ${held:.0f} at max ${largest:.0f}"
        return None

    def _report(self, found: list[Dip]) -> list[Dip]:
        summary = f"🔍 Scan complete: {len(found)} opportunities found"
        if found:
            deepest = min(found, key=lambda dip: dip.ratio)
            best = ", ".join(f"{dip.symbol}({dip.score:.2f}x)" for dip in found[:3])
            summary += f" | Largest dip: {deepest.symbol} {deepest.ratio:.2%} | Priority: {best}"
        self.log.info(summary)
        return found

    def trade(self, found: list[Dip], account: Account, extended: bool, now: float) -> None:
        """Order in the order of scores until capital runs out."""
        spent = 0.0
        left_out, placed = [], []
        for dip in found:
            drop = self.desk.market.drop_today(dip.symbol)
            sharp = dip.symbol in self.settings.volatile and drop <= -self.settings.intraday_drop
            volatility = STOCKS[dip.symbol].range / 100 / rules.BASELINE_RANGE
            factor = self.settings.intraday_multiplier if sharp else 1.0
            value = self.settings.order_value(dip.ratio, account.equity, dip.held, volatility, factor)
            if value / dip.price < 0.01:
                self.log.debug(f"{dip.symbol}: Position size too small ({value / dip.price:.4f} shares)")
                if self.log.debugging:
                    self.tally.skips[dip.symbol, "too_small"] += 1
                continue
            if not self._affordable(dip, value, spent, account, now):
                if spent > 0:
                    left_out.append(dip)
                continue
            self.log.info(f"💎 {dip.symbol} BUY: {dip.ratio:.2%} dip @ {money(dip.price)} (score: {dip.score:.2f}x)")
            sharply = f", Intraday: {drop:.2%} → {factor:.1f}x size" if sharp else ""
            limit = self.settings.threshold(dip.symbol)
            self.log.info(f"   📊 Filters: VolAdj {volatility:.1f}x, Threshold: {limit:.2%}{sharply}")
            self._count_opportunity(dip)
            if order := self._place(dip, value / dip.price, extended, now):
                placed.append(order)
            spent += value  # the bot takes a refused order for spent money, too
        self._log_left_out(left_out, spent)
        self.desk.call("orders")
        for order in placed:  # filled or not: the release looks for its orders under the wrong key
            self.log.info(f"✅ Order completed: {order.symbol} {order.id}")

    def _affordable(self, dip: Dip, value: float, spent: float, account: Account, now: float) -> bool:
        log, projected = self.log, (account.invested + spent + value) / account.equity
        if projected > self.settings.max_leverage:
            log.warning(f"{dip.symbol}: Would exceed leverage limit ({projected:.1%} > {self.settings.max_leverage:.1%})")
            log.debug(f"  Current positions: {money(account.invested)} ({account.leverage:.1%})")
            log.debug(f"  Pending this cycle: {money(spent)}")
            log.debug(f"  This order: {money(value)}")
            self.tally.missed(dip.symbol, "leverage_limit", now)
            return False
        if value > account.buying_power:
            have = money(account.buying_power)
            log.warning(f"{dip.symbol}: Insufficient buying power (need {money(value)}, have {have})")
            self.tally.missed(dip.symbol, "buying_power", now)
            return False
        return True

    def _place(self, dip: Dip, shares: float, extended: bool, now: float) -> Order | None:
        market, symbol = self.desk.market, dip.symbol
        if extended:
            limit = round(market.bid(symbol) / 100 * (1 + rules.LIMIT_ABOVE_BID), 2)
        else:
            limit = round(market.ask(symbol) / 100 * (1 - self.settings.limit_below_ask), 2)
        try:
            order = self.desk.submit(symbol, round(shares, 4), limit, extended)
        except (Rejected, ApiError) as error:
            self._log_refusal(symbol, str(error), now)
            return None
        value = (order.qty * (order.limit or 0) + CENT // 2) // CENT
        self.bought_at[symbol] = now
        self.tally.trade(symbol, value, now)
        self.log.info(
            f"[TRADE] BUY {symbol}: {order.qty / SHARE:.4f} shares @ {money(limit)} = {money(value / 100)} (order {order.id})"
        )
        return order

    def _log_refusal(self, symbol: str, body: str, now: float) -> None:
        """The release looks at the code first, and takes every 40310000 for an opposite order."""
        if "40310000" in body:
            self.log.warning(f"[SKIP] {symbol} wash_sale_conflict (opposite order exists)")
            self.tally.missed(symbol, "wash_sale_conflict", now)
        elif "not fractionable" in body:
            self.log.warning(f"[SKIP] {symbol} not_fractionable (use whole shares)")
            self.tally.missed(symbol, "not_fractionable", now)
        else:
            self.log.error(f"❌ Failed to place order for {symbol}: {body}")
            self.tally.missed(symbol, "order_failed", now)
            self.tally.errors["order"] += 1

    def _count_opportunity(self, dip: Dip) -> None:
        """At DEBUG the scan has told of it already: one opportunity a cycle and symbol."""
        if not self.log.debugging:
            self.tally.opportunities[dip.symbol] += 1

    def _log_left_out(self, left_out: list[Dip], spent: float) -> None:
        if not left_out:
            return
        log = self.log
        log.warning(f"💰 CAPITAL EXHAUSTED: Skipped {len(left_out)} opportunities after deploying {money(spent)} this cycle:")
        for dip in left_out[:LISTED_LEFT_OUT]:
            log.warning(f"   ⏭️  {dip.symbol:6s}: {dip.ratio:.2%} dip (score: {dip.score:.2f}x)")
            self._count_opportunity(dip)
        log.warning(f"   💡 Consider increasing MAX_MARGIN_PCT (current: {self.settings.max_margin:.2%}) or freeing up capital")
