"""What a tool's schema allows, botocore takes: for every operation of AWS, judged by botocore's own validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import jsonschema_rs
import pytest
from botocore.model import OperationModel, ServiceModel
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

from banyan.core.tool import ToolSpec
from banyan.tools.aws.effects import load_verbs
from banyan.tools.aws.models import Models
from banyan.tools.aws.operations import REGION, operation_specs
from banyan.tools.aws.request import parameters

IN_A_PATH = "x1-"
"""Text that is good for names, labels of hosts and segments of paths."""


def some(schema: Any, root: Mapping[str, Any], random: Random, depth: int = 0) -> Any:
    """Return some value that `schema` allows; the deeper, the smaller."""
    if "$ref" in schema:
        return some(root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, random, depth)
    if "anyOf" in schema:
        return some(random.choice(schema["anyOf"]), root, random, depth)
    if "enum" in schema:
        return random.choice(schema["enum"])
    make = MAKERS.get(schema.get("type", ""))
    return make(schema, root, random, depth) if make else {"any": ["thing", 1]}


def _object(schema: Any, root: Mapping[str, Any], random: Random, depth: int) -> Any:
    known = schema.get("properties", {})
    if schema.get("maxProperties") == 1 and known:
        chosen = [random.choice(list(known))]
    else:
        chance = 0.5 if depth < 3 else 0.0
        chosen = [name for name in known if name in schema.get("required", ()) or random.random() < chance]
    made = {name: some(known[name], root, random, depth + 1) for name in chosen}
    if not known and isinstance(schema.get("additionalProperties"), Mapping):
        wanted = schema.get("propertyNames", {})
        length = max(wanted.get("minLength", 1), min(4, wanted.get("maxLength", 4)))
        keys = wanted.get("enum") or [str(n).rjust(length, "k") for n in range(9)]
        count = max(schema.get("minProperties", 0), int(depth < 3))
        made = {key: some(schema["additionalProperties"], root, random, depth + 1) for key in keys[:count]}
    return made


def _array(schema: Any, root: Mapping[str, Any], random: Random, depth: int) -> Any:
    count = max(schema.get("minItems", 0), int(depth < 3))
    return [some(schema["items"], root, random, depth + 1) for _ in range(count)]


def _string(schema: Any, root: Mapping[str, Any], random: Random, depth: int) -> Any:
    if schema.get("format") == "date-time":
        return "2026-01-02T03:04:05Z"
    if schema.get("contentEncoding") == "base64":
        return "AAECAw=="
    length = max(schema.get("minLength", 0), min(3, schema.get("maxLength", 3)))
    return (IN_A_PATH * length)[: length - 1] + "z" if length else ""


def _number(schema: Any, root: Mapping[str, Any], random: Random, depth: int) -> Any:
    return schema.get("minimum", min(1, schema.get("maximum", 1)))


MAKERS: dict[str, Callable[..., Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _number,
    "number": _number,
    "boolean": lambda schema, root, random, depth: random.random() < 0.5,
}


def refused(spec: ToolSpec, operation: OperationModel, serializer: Any, random: Random) -> str | None:
    """Return what botocore has against arguments that the schema allows."""
    arguments = some(spec.input_schema, spec.input_schema, random)
    arguments.pop(REGION, None)
    if not jsonschema_rs.is_valid(dict(spec.input_schema), arguments, validate_formats=True):
        return f"the schema itself refuses {arguments}"
    shape = operation.input_shape
    given = parameters(arguments, shape)
    if shape is None:
        return None
    problems = ParamValidator().validate(_with_tokens(given, shape), shape)
    if problems.has_errors():
        return str(problems.generate_report())
    serializer.serialize_to_request(_with_tokens(given, shape), operation)
    return None


def _with_tokens(given: dict[str, Any], shape: Any) -> dict[str, Any]:
    """Return `given` with the tokens that botocore's clients make before they validate."""
    tokens = [name for name, one in shape.members.items() if one.metadata.get("idempotencyToken")]
    return dict.fromkeys(tokens, "0" * 36) | given


def disagreements(service: str, random: Random) -> list[str]:
    model, pages = Models("aws").read(service)
    known = ServiceModel(model, service)
    serializer = create_serializer(known.resolved_protocol)
    found = []
    for spec in operation_specs(service, model, pages, load_verbs()):
        if spec.fault is None:
            problem = refused(spec, known.operation_model(spec.upstream_name), serializer, random)
            if problem:
                found.append(f"{service}.{spec.upstream_name}: {problem}")
    return found


SAMPLE = ("s3", "sqs", "dynamodb", "ec2", "lambda", "route53", "cloudwatch", "medialive", "sesv2", "bedrock-runtime")
"""Services of every protocol."""


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("service", SAMPLE)
def test_what_the_schemas_of_a_service_allow_botocore_takes(service: str) -> None:
    assert disagreements(service, Random(7)) == []


@pytest.mark.soak
def test_what_the_schemas_of_all_of_aws_allow_botocore_takes() -> None:
    random = Random(7)
    wrong = [one for service in Models("aws").services(["*"]) for one in disagreements(service, random)]
    assert wrong == []
