"""Where the files of Prometheus, Alertmanager and Grafana are: in the package, or in the source tree that it is run from."""

from pathlib import Path

PACKAGED = Path(__file__).resolve().parent / "stack"
SOURCE = Path(__file__).resolve().parents[2]
BOARDS, BOARDS_OF_THE_LOG = "grafana/dashboards", "grafana/dashboards-log-only"


def stack_files() -> Path | None:
    """Return the folder that holds prometheus/, alertmanager/ and grafana/; None where the package was built without."""
    return next((root for root in (PACKAGED, SOURCE) if (root / "prometheus" / "prometheus.yml").is_file()), None)
