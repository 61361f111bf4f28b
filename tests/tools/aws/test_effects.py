"""What operations may do, by the reviewed table and AWS's own traits."""

from __future__ import annotations

from typing import Any

import pytest

from banyan.core.tool import EffectKind, Effects
from banyan.tools.aws.effects import effects_of, load_verbs
from banyan.tools.aws.models import Models

READ, WRITE, DESTROY = EffectKind.READ_ONLY, EffectKind.WRITES, EffectKind.DESTRUCTIVE


def effects(service: str, name: str, **traits: Any) -> Effects:
    return effects_of(service, name, traits, load_verbs())


@pytest.mark.parametrize(
    ("service", "name", "kind"),
    [
        ("s3", "GetObject", READ),
        ("s3", "ListObjectsV2", READ),
        ("ec2", "DescribeInstances", READ),
        ("ec2", "TerminateInstances", DESTROY),
        ("s3", "DeleteObjects", DESTROY),
        ("sqs", "PurgeQueue", DESTROY),
        ("sqs", "ReceiveMessage", WRITE),
        ("kms", "ScheduleKeyDeletion", DESTROY),
        ("redshift", "GetClusterCredentials", WRITE),
        ("rds-data", "ExecuteStatement", DESTROY),
        ("dynamodb", "BatchGetItem", READ),
        ("dynamodb", "BatchWriteItem", DESTROY),
        ("cognito-idp", "AdminDeleteUser", DESTROY),
        ("cognito-idp", "AdminGetUser", READ),
        ("license-manager", "CheckoutLicense", WRITE),
    ],
)
def test_an_operation_does_what_its_verb_says_or_the_exception_to_it(service: str, name: str, kind: EffectKind) -> None:
    assert effects(service, name).kind is kind


def test_a_verb_is_a_whole_word() -> None:
    assert effects("x", "Getaway").guessed
    assert not effects("x", "GetAway").guessed


def test_an_unknown_verb_is_guessed_to_write() -> None:
    found = effects("x", "FrobnicateThing")
    assert (found.kind, found.guessed, found.repeatable) == (WRITE, True, False)


def test_the_trait_of_a_read_only_operation_counts_unless_the_table_knows_better() -> None:
    assert effects("x", "FrobnicateThing", readonly=True) == Effects(read_only=True, idempotent=True, guessed=False)
    assert effects("ivs", "StartViewerSessionRevocation", readonly=True).kind is WRITE


def test_an_idempotent_operation_can_be_repeated() -> None:
    assert effects("x", "PutThing", idempotent=True).repeatable
    assert not effects("x", "PutThing").repeatable


def test_every_exception_is_of_an_operation_that_exists_and_says_other_than_its_verb() -> None:
    verbs, models = load_verbs(), Models("aws")
    known: dict[str, Any] = {}
    for name, kind in verbs.operations.items():
        service, _, operation = name.partition(".")
        if service not in known:
            known[service], _ = models.read(service)
        assert operation in known[service]["operations"], name
        without = type(verbs)(verbs=verbs.verbs, operations={})
        assert without.kind(service, operation) is not kind, name
