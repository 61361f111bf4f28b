from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.call import Category
from banyan.tools.web import WebResponse, failure_of
from banyan.tools.web.failure import retry_after_s, said_by


def answered(status: int, body: Any = b"", media_type: str = "application/json", **headers: str) -> WebResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WebResponse(status=status, headers=named, body=raw, media_type=media_type)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299, 304])
def test_a_good_answer_is_no_failure(status: int) -> None:
    assert failure_of(answered(status), source="shop") is None


MEANING = {
    400: Category.BAD_VALUE, 401: Category.AUTH, 403: Category.AUTH, 404: Category.NOT_FOUND,
    405: Category.UPSTREAM, 408: Category.TIMEOUT, 409: Category.UPSTREAM, 410: Category.NOT_FOUND,
    413: Category.BAD_VALUE, 418: Category.UPSTREAM, 422: Category.BAD_VALUE, 429: Category.RATE_LIMITED,
    500: Category.UPSTREAM, 502: Category.UPSTREAM, 503: Category.UPSTREAM, 504: Category.TIMEOUT,
    101: Category.UPSTREAM, 302: Category.UPSTREAM, 999: Category.UPSTREAM,
}  # fmt: skip


@pytest.mark.parametrize(("status", "category"), MEANING.items())
def test_a_status_means_the_same_whatever_stands_in_the_answer(status: int, category: Category) -> None:
    for body in (b"", b"{", b"<html>", {"error": {"message": "what went wrong"}}):
        failed = failure_of(answered(status, body), source="shop")
        assert failed is not None
        assert (failed.category, failed.sent) == (category, True)
        assert str(status) in failed.message
        assert "`shop`" in failed.message


@pytest.mark.parametrize(
    ("status", "after", "fix"),
    [(429, "7", "7 s"), (503, "120", "120 s"), (429, "Fri, 31 Dec 1999 23:59:59 GMT", "0 s"),
     (429, "soon", "call less"),
     (429, "-5", "call less"), (503, "9" * 400, "later"), (401, "7", "credentials")],
)  # fmt: skip
def test_how_long_to_wait_stands_in_the_fix(status: int, after: str, fix: str) -> None:
    failed = failure_of(answered(status, retry_after=after), source="shop")
    assert failed is not None
    assert fix in (failed.fix or "")
    assert (failed.retry_after_s is not None) is fix.endswith(" s")


SAID = [
    ({"title": "No luck", "detail": "the cart is empty", "status": 400}, "the cart is empty; No luck"),
    ({"error": {"code": 400, "message": "Invalid value"}}, "Invalid value"),
    ({"error": "invalid_client", "error_description": "who are you"}, "who are you; invalid_client"),
    ({"errors": [{"message": "a"}, {"message": "b"}]}, "a; b"),
    ({"message": "Not Found", "documentation_url": "https://x"}, "Not Found"),
    ({"detail": [{"loc": ["body", "price"], "msg": "must be positive"}]}, "must be positive; at `body.price`"),
    ([{"message": "first"}], "first"),
    ({"unknown": "shape"}, '{"unknown": "shape"}'),
    ("a JSON text", "a JSON text"),
    (b"plain words\r\n and more", "plain words and more"),
    (b"<html><head><title>502 Bad\nGateway</title></head>...", "502 Bad Gateway"),
    (b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>gone</Message></Error>", "NoSuchKey"),
    (b"<html><body>no title</body>", ""),
    (b"", ""),
]


@pytest.mark.parametrize(("body", "said"), SAID)
def test_what_the_server_says_is_found_where_apis_say_it(body: Any, said: str) -> None:
    media_type = "text/plain" if isinstance(body, bytes) else "application/problem+json"
    assert said_by(answered(400, body, media_type)) == said


def test_binary_answers_are_not_quoted() -> None:
    assert said_by(answered(400, b"\x89PNG\r\n\x00\x01", "image/png")) == ""


@pytest.mark.parametrize(
    "body",
    [{"message": "long " * 100_000}, b"x" * 10**6, {"errors": [{"message": f"problem {i}"} for i in range(10**5)]},
     b'{"message":' * 50_000, b"[" * 60_000, {"message": "\x1b[31m\x07red\u202e\u200b"}],
)  # fmt: skip
def test_what_is_quoted_is_one_printable_line_of_bounded_length(body: Any) -> None:
    failed = failure_of(answered(500, body, "application/json"), source="shop")
    assert failed is not None
    assert len(failed.message) < 800
    assert failed.message.isprintable()


@given(st.binary(max_size=300), st.sampled_from(["application/json", "text/html", "text/plain", "", "x/y"]))
def test_no_answer_makes_reading_it_fail(body: bytes, media_type: str) -> None:
    failed = failure_of(answered(500, body, media_type), source="shop")
    assert failed is not None
    assert failed.message.isprintable()


@given(st.text(max_size=40))
def test_every_retry_after_is_a_time_or_none(text: str) -> None:
    wait_s = retry_after_s(answered(429, retry_after=text))
    assert wait_s is None or wait_s >= 0
