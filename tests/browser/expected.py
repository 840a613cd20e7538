"""Panels that may show their words for "nothing" in a healthy Grafana, each with the reason. Any other empty panel fails."""

RARE = "shows something only after it has happened"
CONFIG = "needs the bot's config.py (--bot.config)"
YOUNG = "needs an hour of Prometheus, or twenty trading days, behind it"

EMPTY_MAY_BE: dict[str, dict[str, str]] = {
    "overview": {
        "Recent missed trades": RARE,
        "Recent orders": RARE,
        "Alerts firing": "no alert is firing",
        "Return": YOUNG,
    },
    "trades": {
        "Open orders": RARE,
        "Oldest open order": "no order is open: there is no oldest one",
        "Discrepancies between log and broker": "log and broker agree",
        "Orders and fills over time": YOUNG,
        "Fill rate": RARE,
        "Time to fill and slippage": RARE,
    },
    "positions": {
        "Deferred wash-sale loss": RARE,
        "Open wash-sale windows": RARE,
        "Orders and fills by symbol": RARE,
    },
    "opportunities": {
        "Wash-trade refusals by symbol": RARE,
        "Missed trades": RARE,
        "Missed dips": RARE,
        "Missed dips by reason": RARE,
        "Missed dips by depth": RARE,
        "Missed trades by reason": RARE,
        "Routine skips": YOUNG,
    },
    "risk": {"Brake episodes": RARE, "Other halts": RARE},
    "performance": {
        "Risk-adjusted return": YOUNG,
        "Time under water": "its Calmar ratio needs a year",
        "Win rate of sales": RARE,
        "Other account activity": RARE,
        "Market risk": YOUNG,
        "Distance to the benchmark": YOUNG,
        "Capture": YOUNG,
    },
    "symbol": {
        "Missed dips": RARE,
        "Position value": "the symbol was never held",
        "Unrealized P&L": "the symbol was never held",
        "Lots": "the symbol was never bought",
    },
    "health": {
        "Firing alerts": "no alert is firing",
        "Bot errors": RARE,
        "Failed broker requests": RARE,
        "Starts, stops, halts and errors": RARE,
        "Log gaps": RARE,
        "Cycle duration": YOUNG,
        "Ingest delay": YOUNG,
        "Broker request duration": YOUNG,
        "Rules and notifications": "needs Prometheus to scrape itself and Alertmanager",
    },
    "config": {
        "Configuration check": CONFIG,
        "Findings": "nothing is wrong, or no --bot.config",
        "Settings": CONFIG,
        "Dip thresholds": CONFIG,
        "Changes of settings": RARE,
        "Changed, not in effect": "not known before the bot's next start",
    },
    "fleet": {f"Equity and profit today, {mode}": "no account of that kind" for mode in ("live", "paper")},
    "share": {"Wins": RARE, "Sharpe and Sortino": YOUNG},
}
