"""Schemathesis: generated requests, right and wrong ones, against a running API; every answer is as the description says."""

import subprocess
import sys
from pathlib import Path

from tests.api.conftest import TOKEN
from tests.api.test_command import serving
from tests.running import environment

# A date is refused outside the years that there can be, which a description in JSON Schema cannot say.
EXCLUDED = "positive_data_acceptance"


def test_generated_requests_get_answers_that_the_description_allows(tmp_path: Path, lived: Path) -> None:
    with serving(tmp_path, "--archive.path", lived, "--api.requests-per-minute", "1000000") as url:
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}openapi.json", "--url", url.removesuffix("/api/v1/")]
        options = ["--header", f"Authorization: Bearer {TOKEN}", "--exclude-path", "/api/v1/live", "--no-color"]
        amount = ["--max-examples", "8", "--phases", "examples,coverage,fuzzing", "--exclude-checks", EXCLUDED, "--seed", "7"]
        done = subprocess.run(
            [*command, *options, *amount], capture_output=True, text=True, check=False, env=environment(), cwd=tmp_path
        )
    summary = "\n".join(line[:300] for line in done.stdout.splitlines()[-120:])
    assert done.returncode == 0, summary
