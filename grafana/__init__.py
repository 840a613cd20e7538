"""Dashboards as code: `python -m grafana` writes grafana/dashboards/*.json and docs/dashboards.md."""

import warnings

with warnings.catch_warnings():
    # File provisioning refuses the v2 format, so the classic one stays, whatever the SDK prefers (tests/grafana checks it).
    warnings.simplefilter("ignore", DeprecationWarning)
    import grafana_foundation_sdk.models.dashboard  # noqa: F401
