"""Thresholds that the page and `doctor` share with the alerts. prometheus/rules/thresholds.yml gives the reasons.

The package is installed without Prometheus' rules, so the numbers stand here too; tests/test_thresholds.py keeps both equal.
"""

LOG_AGE_SECONDS = 300.0
CYCLE_AGE_SECONDS = 300.0
LOG_SKEW_SECONDS = 120.0
CYCLE_ERRORS_PER_15M = 2.0
ORDER_AGE_SECONDS = 900.0
BRAKE_SILENCE_SECONDS = 900.0
DISK_FREE_BYTES = 2147483648.0
