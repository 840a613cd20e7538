"""Writes the NYSE's holidays and half days from the `holidays` package: `python -m tests.nyse`, part of `make docs`.

The exporter reads the list: the package itself takes 13 MiB of memory and a third of a second at every start.
"""

from datetime import date
from pathlib import Path

import holidays

from bigdipper_exporter import calendar

FILE = Path(calendar.__file__).with_name("nyse.csv")
YEARS = range(2000, 2100)  # of every time that a line of the log may have, and of an account's past


def text() -> str:
    """Return the file's content: a date and `closed` or `half` on each line, oldest first."""
    days: dict[date, str] = dict.fromkeys(holidays.financial_holidays("NYSE", years=YEARS, categories=("half_day",)), "half")
    days |= dict.fromkeys(holidays.financial_holidays("NYSE", years=YEARS, categories=("public",)), "closed")
    return "".join(f"{day},{days[day]}\n" for day in sorted(days) if day.year in YEARS)


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
