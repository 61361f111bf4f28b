"""Identifiers."""

from __future__ import annotations

import re
import time
import uuid

import pytest

from banyan.core.ids import new_approval_id, new_handle, uuid7


def test_ids_are_uuids_of_version_seven() -> None:
    one = uuid.UUID(uuid7())
    assert (one.version, one.variant) == (7, uuid.RFC_4122)


def test_ids_carry_the_time_at_which_they_were_made() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(uuid7()).int >> 80
    assert before <= made <= time.time_ns() // 1_000_000


def test_ids_handles_and_approvals_do_not_repeat_and_have_their_form() -> None:
    for make, form in (
        (uuid7, r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        (new_handle, r"r_[a-z2-7]{16}"),
        (new_approval_id, r"a_[a-z2-7]{8}"),
    ):
        made = {make() for _ in range(2_000)}
        assert len(made) == 2_000
        assert all(re.fullmatch(form, one) for one in made)


def test_ids_made_within_one_millisecond_are_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    times_ns = iter(range(1_800_000_000_000_000_000, 1_800_000_000_002_000_000, 1_000))
    monkeypatch.setattr("time.time_ns", lambda: next(times_ns))
    made = [uuid7() for _ in range(2_000)]
    assert made == sorted(made)
    assert uuid.UUID(made[-1]).version == 7
