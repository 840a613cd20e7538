"""Writes the files of Prometheus, Alertmanager and Grafana out, for use without Docker and without the repository."""

import os
import shutil
import sys
from pathlib import Path

from bigdipper_exporter.config.kinds import split_address
from bigdipper_exporter.config.yamlfile import ConfigError
from bigdipper_exporter.stack_files import BOARDS, BOARDS_OF_THE_LOG, stack_files

GRAFANA_HOME = "/usr/share/grafana/bin"  # of Debian's package
PROMETHEUS, ALERTMANAGER = "localhost:9090", "localhost:9093"


def write_stack(folder: Path, bot: str, archive: Path, address: str, has_keys: bool) -> str:
    """Write the files into `folder` for programs on this machine, and return how to start those.

    bot: its name on boards and in alerts. archive, address: the exporter's, and where it listens. Without keys the boards are
    those of the log alone. Raises ConfigError if the folder is not empty or cannot be written.
    """
    root = stack_files()
    if root is None:
        raise ConfigError(
            ["stack: this package was built without the files; run it from a checkout or from a package built there"]
        )
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError([f"stack: {folder} is not empty; name a new folder"])
    try:
        for name in ("prometheus", "alertmanager", "grafana/provisioning", BOARDS, BOARDS_OF_THE_LOG):
            ignored = shutil.ignore_patterns("__pycache__", "bot-*.yml")
            shutil.copytree(root / name, folder / name, ignore=ignored)
        targets = folder / "prometheus" / "targets"
        (targets / "bigdipper.yml").write_text(f'- targets: ["{_target(address)}"]\n  labels: {{bot: "{bot}"}}\n')
        (targets / "prometheus.yml").write_text(f'- targets: ["{PROMETHEUS}"]\n')
        (targets / "alertmanager.yml").write_text(f'- targets: ["{ALERTMANAGER}"]\n')
    except OSError as error:
        raise ConfigError([f"stack: {error.filename or folder} cannot be written: {error.strerror}"]) from None
    return _how_to_start(folder.absolute(), archive.absolute(), has_keys)


def _target(address: str) -> str:
    """Return where Prometheus on this machine finds an exporter that listens on `address`."""
    host, port = split_address(address)
    if host in ("", "0.0.0.0", "::", "127.0.0.1", "::1"):
        return f"localhost:{port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _local(address: str) -> str:
    """Return where a program listens that only this machine should reach: neither asks for a password."""
    return f"127.0.0.1:{split_address(address)[1]}"


def _program(*names: str) -> str:
    """Return the first of these programs that this machine has, else the first name."""
    return next((name for name in names if shutil.which(name)), names[0])


def grafana_program(path: str | None = None) -> Path | None:
    """Return Grafana's own program in `path` (default: PATH) or where packages put it; None without one.

    Debian's `grafana` in /usr/sbin is a script for the installed service: its settings are closed to others.
    """
    names = ("grafana", "grafana-server")
    found = (shutil.which(name, path=place) for place in (path, GRAFANA_HOME) for name in names)
    own = (Path(one).resolve() for one in found if one)
    return next((one for one in own if (one.parent.parent / "conf" / "defaults.ini").is_file()), None)


def _how_to_start(folder: Path, archive: Path, has_keys: bool) -> str:
    alertmanager = _program("alertmanager", "prometheus-alertmanager")
    boards, others = (BOARDS, BOARDS_OF_THE_LOG) if has_keys else (BOARDS_OF_THE_LOG, BOARDS)
    given, otherwise = ("Alpaca keys", "Without them") if has_keys else ("no Alpaca keys", "With keys")
    grafana = grafana_program() or Path(GRAFANA_HOME, "grafana")
    return f"""Wrote {folder}. Start these four, each in a terminal or a unit of its own.

1. Prometheus:

prometheus --config.file={folder}/prometheus/prometheus.yml --storage.tsdb.path={folder}/prometheus-data \\
  --storage.tsdb.retention.time=400d --storage.tsdb.retention.size=8GB \\
  --rules.alert.for-grace-period=0s --rules.alert.resend-delay=15m --web.listen-address={_local(PROMETHEUS)}

2. Alertmanager. Without a channel it sends nothing: export ALERT_... variables first, such as ALERT_NTFY_URL
(docs/notifications.md lists them), and run the first command again after each change:

{os.fspath(sys.executable)} {folder}/alertmanager/render.py --out {folder}/alertmanager-rendered
{alertmanager} --config.file={folder}/alertmanager-rendered/alertmanager.yml \\
  --storage.path={folder}/alertmanager-data \\
  --data.retention=240h --cluster.listen-address= --web.listen-address={_local(ALERTMANAGER)}

To send a test message through every channel: big-dipper-exporter notify-test --alertmanager http://{ALERTMANAGER}

3. The exporter, with --alertmanager.url=http://{ALERTMANAGER}, so that its page lists firing alerts.

4. Grafana (12 or newer): these variables in its unit (/etc/default/grafana-server, without `export`) or, as here, in a
terminal. Its address is http://localhost:3000, its user admin; the first start takes the password from the file:

(umask 077; mkdir -p {folder}/grafana-data; cd {folder}/grafana-data; [ -s password ] ||
  head -c 18 /dev/urandom | base64 > password)
export GF_SECURITY_ADMIN_PASSWORD='$__file{{{folder}/grafana-data/password}}'
export GF_PATHS_DATA={folder}/grafana-data
export GF_PATHS_PLUGINS={folder}/grafana-data/plugins
export GF_PATHS_PROVISIONING={folder}/grafana/provisioning
export GF_PLUGINS_PREINSTALL_SYNC=frser-sqlite-datasource@4.0.6
export GF_SERVER_HTTP_ADDR=127.0.0.1
export GF_DASHBOARDS_MIN_REFRESH_INTERVAL=1s
export GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH={folder}/{boards}/overview.json
export BIGDIPPER_DASHBOARDS={folder}/{boards}
export BIGDIPPER_ARCHIVE={archive}
export BIGDIPPER_PROMETHEUS_URL=http://{PROMETHEUS}
export BIGDIPPER_ALERTMANAGER_URL=http://{ALERTMANAGER}
{grafana} server --homepath {grafana.parent.parent}

These boards are for {given}, as in this environment. {otherwise} put {others} in both places.

Debian's unit of Grafana sees neither /home nor the /tmp of others (ProtectHome, PrivateTmp): keep folder and archive
elsewhere, such as /var/lib, and let Grafana's user read the archive (usermod -aG GROUP_OF_THE_ARCHIVE grafana).
In the unit, leave out the lines with grafana-data: the package has folders of its own, and asks for a new password."""
