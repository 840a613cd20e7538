"""Panels that may show their words for "nothing" in a healthy Grafana, each with the reason. Any other empty panel fails."""

RARE = "shows something only after it has happened"
CONFIG = "needs the bot's config.py (--bot.config)"
YOUNG = "needs an hour of Prometheus, or twenty trading days, behind it"

EMPTY_MAY_BE: dict[str, dict[str, str]] = {
    "overview": {"What did it miss?": RARE, "What did it buy last?": RARE},
    "trades": {
        "Which orders are still open?": RARE,
        "Is an order stuck?": "no order is open: there is no oldest one",
        "Where do log and broker disagree?": "log and broker agree",
        "How fast does it submit?": YOUNG,
        "How many of them filled?": RARE,
        "How long, and at what price?": RARE,
    },
    "positions": {
        "How much loss may not be deducted?": RARE,
        "Which loss sales are still inside their window?": RARE,
        "What was done in these symbols?": RARE,
    },
    "opportunities": {
        "Where does the broker refuse a wash trade?": RARE,
        "Which trades were missed, one by one?": RARE,
        "Was it a pity?": RARE,
        "Why were trades missed?": RARE,
        "How often does it look and pass?": YOUNG,
    },
    "risk": {"Which episodes were there, why, and at what cost?": RARE, "What else stopped it?": RARE},
    "performance": {
        "Was it worth the risk?": YOUNG,
        "How often does it win?": RARE,
        "What else came and went?": RARE,
    },
    "health": {
        "Which alerts are firing?": "no alert is firing",
        "The rules behind them": "no alert is firing",
        "Which errors does it make?": RARE,
        "Which requests fail?": RARE,
        "What happened to it?": RARE,
        "Where were lines lost?": RARE,
        "How long do cycles take?": YOUNG,
        "How fast are lines read?": YOUNG,
        "How fast does it answer?": YOUNG,
        "Do rules and notifications work?": "needs Prometheus to scrape itself and Alertmanager",
    },
    "config": {
        "Does it pass the check?": CONFIG,
        "What is wrong with it?": "nothing is wrong, or no --bot.config",
        "What is set?": CONFIG,
        "Which threshold has each symbol?": CONFIG,
        "What changed?": RARE,
    },
    "share": {"Wins": RARE, "Sharpe and Sortino": YOUNG},
}
