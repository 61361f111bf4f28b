"""What a method may do, told by its HTTP method, its verb and its scopes."""

from __future__ import annotations

import pytest

from banyan.core.tool import EffectKind
from banyan.tools.google.effects import effects_of

READ = ["bigquery", "bigquery.readonly"]

KINDS: tuple[tuple[str, str, list[str], EffectKind], ...] = (
    ("GET", "gmail.users.messages.list", [], EffectKind.READ_ONLY),
    ("GET", "cloudbuild.x.cancel", [], EffectKind.WRITES),
    ("GET", "x.sessions.generateAccessToken", [], EffectKind.WRITES),
    ("DELETE", "drive.files.delete", [], EffectKind.DESTRUCTIVE),
    ("PUT", "calendar.events.update", [], EffectKind.DESTRUCTIVE),
    ("PATCH", "calendar.events.patch", READ, EffectKind.WRITES),
    ("POST", "gmail.users.messages.send", [], EffectKind.WRITES),
    ("POST", "gmail.users.messages.batchDelete", [], EffectKind.DESTRUCTIVE),
    ("POST", "cloudkms.x.testIamPermissions", [], EffectKind.READ_ONLY),
    ("POST", "people.people.searchContacts", [], EffectKind.READ_ONLY),
    ("POST", "sheets.spreadsheets.values.batchGetByDataFilter", [], EffectKind.READ_ONLY),
    ("POST", "sheets.spreadsheets.values.batchUpdate", READ, EffectKind.WRITES),
    ("POST", "sheets.spreadsheets.values.batchClear", [], EffectKind.DESTRUCTIVE),
    ("POST", "analyticsdata.properties.runReport", ["analytics.readonly"], EffectKind.READ_ONLY),
    ("POST", "cloudscheduler.projects.locations.jobs.run", [], EffectKind.WRITES),
    ("POST", "bigquery.jobs.query", READ, EffectKind.WRITES),
    ("POST", "x.getVerificationCode", [], EffectKind.WRITES),
    ("POST", "aiplatform.x.predictLongRunning", ["cloud-platform.read-only"], EffectKind.WRITES),
    ("POST", "gmail.users.settings.sendAs.verify", [], EffectKind.WRITES),
    ("POST", "agentidentitycredentials.x.credentials.retrieve", [], EffectKind.WRITES),
    ("POST", "aiplatform.projects.reasoningEngines.query", ["cloud-platform.read-only"], EffectKind.WRITES),
    ("POST", "translate.projects.batchTranslateText", [], EffectKind.WRITES),
    ("GET", "drive.changes.getStartPageToken", [], EffectKind.READ_ONLY),
    ("POST", "aiplatform.x.countTokens", [], EffectKind.READ_ONLY),
)


@pytest.mark.parametrize(("http_method", "method_id", "scopes", "kind"), KINDS)
def test_the_kind_of_effect(http_method: str, method_id: str, scopes: list[str], kind: EffectKind) -> None:
    assert effects_of(http_method, method_id, scopes).kind is kind


@pytest.mark.parametrize("description", ["Marks an alert as read - READ.", "Execute the integration in draft state"])
def test_a_verb_that_looks_is_not_believed_where_the_description_says_that_something_is_done(description: str) -> None:
    assert effects_of("POST", "api.alerts.read", [], "Reads an alert.").read_only
    assert not effects_of("POST", "api.alerts.read", [], description).read_only


def test_what_http_says_is_no_guess_and_what_a_verb_says_is_one() -> None:
    assert not effects_of("GET", "a.b.list", []).guessed
    assert effects_of("POST", "a.b.list", []).guessed


def test_only_what_http_says_can_be_sent_again_is() -> None:
    assert effects_of("PUT", "a.b.update", []).repeatable
    assert effects_of("DELETE", "a.b.delete", []).repeatable
    assert not effects_of("PATCH", "a.b.patch", []).repeatable
    assert not effects_of("POST", "a.b.create", []).repeatable
