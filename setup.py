"""Puts the files of Prometheus, Alertmanager and Grafana into the package; everything else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
STACK = ("prometheus", "alertmanager", "grafana/dashboards", "grafana/dashboards-log-only", "grafana/provisioning")


class BuildWithStack(build_py):
    """Copies what `demo` and `stack` need from the repository. The image is built without: there it is mounted."""

    def run(self) -> None:
        """Build the package, then copy."""
        if self.editable_mode:
            super().run()
            return
        # `pip install .` leaves its build folder in the checkout: files that were deleted since would come back.
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        for name in STACK:
            if (ROOT / name).is_dir():
                target = Path(self.build_lib) / "bigdipper_exporter" / "stack" / name
                ignored = shutil.ignore_patterns("__pycache__", "bot-*.yml")
                shutil.copytree(ROOT / name, target, ignore=ignored, dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithStack})
