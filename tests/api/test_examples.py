"""Every field that an example in docs/api.md names is in the answer of the address that it asks."""

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
EXAMPLES = {block.split()[0]: block for block in re.findall(r"```(?:yaml|js)\n(.*?)```", TEXT, re.S)}
FIELDS = (
    r"value_json\.([a-z_.]+)",
    r"\{field: ([a-z_.]+),",
    r'\.JSON\.(?:Float|Int|String) "([a-z_.]+)"',
    r"\bnow\.([a-z_]+(?:\.[a-z_]+)?)(?=[.\s}?])",
)


def found(block: str) -> list[str]:
    return [field.removesuffix(".toFixed") for pattern in FIELDS for field in re.findall(pattern, block)]


def value(body: Any, path: str) -> Any:
    for part in path.split("."):
        body = body[part]
    return body


@pytest.mark.parametrize("name", EXAMPLES)
def test_fields_of_the_example_are_in_the_answer(api: TestClient, name: str) -> None:
    block = EXAMPLES[name]
    (path,) = re.findall(r"HOST:10078(/[^\s\"]+)", block)
    body = api.get(path).json()
    assert len(found(block)) >= 3
    for field in found(block):
        value(body, field)
    for field in re.findall(r"json_attributes: \[(.*?)\]", block):
        assert set(field.split(", ")) <= set(body["account"])


def test_every_path_of_the_document_is_served_and_every_endpoint_is_in_it(api: TestClient) -> None:
    table = TEXT.partition("| path below")[2].partition("\n\n")[0]
    named = {row.removeprefix("POST ").partition("?")[0] for row in re.findall(r"^\| `([^`]+)`", table, re.M)}
    served = {path.removeprefix("/api/v1/") for path in api.get("/api/v1/openapi.json").json()["paths"]}
    assert named - {"openapi.json"} == served - {"live"}


def test_the_infinity_example_asks_for_rows_that_are_there(api: TestClient) -> None:
    (path,) = re.findall(r"HOST:10078(/api/v1/trades/recent\?limit=100)", TEXT)
    assert {"time", "symbol", "value", "status"} <= set(api.get(path).json()["items"][0])
