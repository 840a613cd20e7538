"""A large log with a mix as at DEBUG: 60 % lines of no interest, 22 % skips, 10 % opportunities, 5 % accounts, 3 % trades."""

import random
from datetime import datetime, timedelta
from pathlib import Path

SYMBOLS = [
    *("NVDA", "AVGO", "AMD", "TSM", "MRVL", "TER", "MSFT", "META", "ORCL", "NOW", "PLTR", "ANET", "DELL"),
    *("ETN", "PWR", "CEG", "GEV", "NEE", "ABB", "EQIX", "DLR", "AMT", "CCI", "LMT", "NOC", "RTX"),
]


def make_log(path: Path, lines: int, seed: int = 1) -> None:
    """Write `lines` lines to `path`, ten a second, the same for the same seed."""
    rng = random.Random(seed)
    start = datetime(2025, 1, 6, 9, 30)
    with path.open("w", encoding="utf-8") as file:
        for number in range(lines):
            stamp = (start + timedelta(seconds=number // 10)).strftime("%Y-%m-%d %H:%M:%S")
            symbol, dip, price = rng.choice(SYMBOLS), rng.uniform(0, 9), rng.uniform(20, 900)
            kind = rng.random()
            if kind < 0.60:
                line = f"[DEBUG] {symbol}: -{dip:.2f}% from 20d high (need -5.00%)"
            elif kind < 0.82:
                line = f"[DEBUG] [SKIP] {symbol} Dip -{dip:.1f}% < absolute min 5.0%"
            elif kind < 0.92:
                line = f"[DEBUG] [OPPORTUNITY] {symbol} -{dip:.2f}% @ ${price:.2f} score={dip / 4:.2f}x QUALIFIED"
            elif kind < 0.97:
                line = f"[INFO] [ACCOUNT] equity=${30000 + price:.2f} cash=${price:.2f} leverage={90 + dip:.1f}%"
                line += f" margin_debt=$0.00 pl=$-{price / 9:.2f} pl_pct=-{dip:.2f}%"
            else:
                order = f"{rng.getrandbits(128):032x}"
                line = f"[INFO] [TRADE] BUY {symbol}: 10.0000 shares @ ${price:.2f} = ${price * 10:,.2f} (order {order})"
            file.write(f"{stamp} {line}\n")
            if number % 440 == 0:
                file.write(f"{stamp} [INFO] Cycle #{number // 440 + 1} - {stamp[11:]}\n")
