"""Real documents, where a folder of them is named by `BANYAN_SPECS`: nearly every operation becomes a tool."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from banyan.core.names import MAX_NAME, wire_name
from banyan.tools.faults import schema_fault
from banyan.tools.openapi.binding import Binding
from banyan.tools.openapi.check import check
from banyan.tools.openapi.document import load
from banyan.tools.openapi.operations import METHODS, SpecLimits, operations

FOLDER = os.environ.get("BANYAN_SPECS", "")
FILES = sorted(path for path in Path(FOLDER).iterdir() if path.suffix in {".json", ".yaml", ".yml"}) if FOLDER else []

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(not FILES, reason="BANYAN_SPECS names no folder of OpenAPI documents"),
]


def counted(data: bytes) -> int:
    """Return the operations of a document as another reader finds them."""
    whole: Any = orjson.loads(data) if data.lstrip()[:1] == b"{" else yaml.load(data, Loader=yaml.CSafeLoader)
    sections = [whole.get(one) or {} for one in ("paths", "x-ms-paths")]
    return sum(method in item for paths in sections for item in paths.values() for method in METHODS)


@pytest.mark.parametrize("path", FILES or [Path("none")], ids=lambda path: path.name)
def test_nearly_every_operation_is_active_and_sound(path: Path) -> None:
    data = path.read_bytes()
    started_s = time.process_time()
    document = load(data, origin=str(path))
    specs = [one.spec for one in operations(document, server="api")]
    took_s = time.process_time() - started_s
    report = check(document, specs)
    active = [one for one in specs if one.fault is None]
    print(f"{path.name}: {len(active):,} of {len(specs):,} active in {took_s:.2f} s; {list(report.quarantined)[:3]}")

    assert report.operations == counted(data) > 0
    assert report.active >= 0.99 * report.operations
    assert all(reason for _, reason in report.quarantined)
    assert len({one.upstream_name for one in specs}) == len(specs)
    taken: set[str] = set()
    for spec in active:
        name = wire_name("api", spec.upstream_name, taken)
        taken.add(name.casefold())
        assert len(name) <= MAX_NAME
        assert schema_fault(spec.input_schema) is None
        assert len(orjson.dumps(spec.input_schema)) <= SpecLimits().input_bytes
        assert len(orjson.dumps(spec.output_schema)) <= SpecLimits().output_bytes
        assert_bound(Binding.from_json(spec.binding), spec.input_schema["properties"])
    assert took_s < 60


def assert_bound(binding: Binding, properties: dict[str, Any]) -> None:
    """Every argument goes somewhere, and everything that is sent has an argument."""
    bound = [one.argument for one in binding.parameters]
    if binding.body is not None:
        bound += [binding.body.argument] if binding.body.argument else [one.argument for one in binding.body.fields]
    assert sorted(bound) == sorted(properties)
    assert all(f"{{{one.name}}}" in binding.path for one in binding.parameters if one.place == "path")
    assert all(name in binding.schemes for one in binding.security for name in one)
