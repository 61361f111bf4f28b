"""What a document holds is told before anything of it is kept."""

from __future__ import annotations

from banyan.tools.openapi.check import SchemeUse, check
from banyan.tools.openapi.document import load
from banyan.tools.openapi.operations import operations
from tests.tools.openapi.reading import document

WHOLE = {
    "paths": {
        "/a": {"get": {"operationId": "a"}, "post": {"operationId": "b", "security": [{"key": []}, {"login": []}]}},
        "/b": {"get": {"operationId": "c", "parameters": [{"$ref": "#/nowhere"}]}},
    },
    "security": [{"key": []}],
    "components": {
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
            "login": {"type": "http", "scheme": "bearer"},
        }
    },
}


def test_a_report_counts_and_names_what_is_needed() -> None:
    report = check(document(servers=[{"url": "https://shop.example.com"}], **WHOLE))
    assert (report.title, report.version, report.dialect) == ("Shop", "7", "3.0")
    assert (report.operations, report.active) == (3, 2)
    assert report.quarantined == (("c", "one of its parameters cannot be read: its reference is not followed"),)
    assert report.servers == ("https://shop.example.com",)
    assert report.security == (
        SchemeUse(name="key", kind="apiKey", place="header X-Key", operations=2, needed=1),
        SchemeUse(name="login", kind="bearer", place="", operations=1, needed=0),
    )
    assert report.notes == ("the reference `#/nowhere` leads nowhere",)
    assert report.to_json()["quarantined"][0]["name"] == "c"


def test_operations_that_were_read_already_are_not_read_again() -> None:
    found = document(**WHOLE)
    specs = [one.spec for one in operations(found, server="shop")]
    assert check(found, specs).to_json() == check(document(**WHOLE)).to_json()


def test_a_document_that_does_not_say_where_the_api_is_says_so() -> None:
    whole = b'{"openapi": "3.0.0", "paths": {}, "servers": [{"url": "/v1"}]}'
    (note,) = check(load(whole, origin="folder/api.json")).notes
    assert "base URL" in note
    assert check(load(whole, origin="https://example.com/api.json")).servers == ("https://example.com/v1",)


def test_a_document_without_paths_says_so() -> None:
    report = check(document("3.1.0"))
    assert report.operations == 0
    assert report.notes == ("the document has no paths",)
