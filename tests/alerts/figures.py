"""Figures as rules print them, and as people read them: in messages and on the exporter's page."""

FIGURES = {
    "down $-34830.55 of $1234567": "down -$34,830.55 of $1,234,567",
    "$-0, $-0.55, $+0 today, ($-0)": "$0, -$0.55, $0 today, ($0)",
    "($+410), $7, $999, $1000": "(+$410), $7, $999, $1,000",
    "115.7%, 1.192%, 0.0312%, 11%": "115.7%, 1.1%, 0.0%, 11%",
    "7m 0s, 7m 38s, 3h 4m 5s, 18d 23h 49m 0s, 42s": "7m, 7m, 3h 4m, 18d 23h, 42s",
}
