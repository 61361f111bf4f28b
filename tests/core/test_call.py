"""What came of a call becomes an exit status."""

from __future__ import annotations

import pytest

from banyan.core.call import Category, Outcome, OutcomeKind
from banyan.core.ids import CallId


@pytest.mark.parametrize(
    ("kind", "category", "status"),
    [
        (OutcomeKind.OK, None, 0),
        (OutcomeKind.FAILED, Category.BAD_VALUE, 2),
        (OutcomeKind.FAILED, Category.UPSTREAM, 5),
        (OutcomeKind.FAILED, Category.TRANSPORT, 7),
        (OutcomeKind.NEEDS_APPROVAL, None, 4),
        (OutcomeKind.UNKNOWN, Category.UNKNOWN_EFFECT, 8),
    ],
)
def test_an_outcome_has_the_exit_status_that_the_readme_gives(
    kind: OutcomeKind, category: Category | None, status: int
) -> None:
    outcome = Outcome(call_id=CallId("c"), tool="t", outcome=kind, category=category, took_ms=1)
    assert outcome.exit_status == status
