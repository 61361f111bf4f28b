"""Which documents there are, and which version of an API is taken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from banyan.core.errors import InvalidArgument
from banyan.tools.google import library


def made(folder: Path, methods: dict[str, int]) -> dict[str, tuple[library.Api, ...]]:
    """Write documents of so many methods each, and return the families that they make."""
    for name, count in methods.items():
        one = {f"m{at}": {"id": f"api.m{at}", "path": "x", "httpMethod": "GET"} for at in range(count)}
        document = {"rootUrl": "https://api.googleapis.com/", "methods": one}
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return library.families(folder)


def versions_of(known: dict[str, tuple[library.Api, ...]], name: str) -> list[str]:
    return [one.version for one in known[name]]


def test_the_newest_stable_version_comes_first_and_what_is_least_settled_last(tmp_path: Path) -> None:
    known = made(
        tmp_path, dict.fromkeys(["api.v1", "api.v2", "api.v1beta2", "api.v1beta1", "api.v3alpha", "api.v2.1"], 4)
    )
    assert versions_of(known, "api") == ["v2.1", "v2", "v1", "v1beta2", "v1beta1", "v3alpha"]


def test_a_new_version_with_few_methods_is_a_supplement(tmp_path: Path) -> None:
    known = made(tmp_path, {"iam.v1": 100, "iam.v2": 6})
    assert versions_of(known, "iam") == ["v1", "v2"]
    (group,) = library.chosen(known, (), all_versions=False)
    assert [one.version for one in group] == ["v1", "v2"]


def test_where_nothing_is_stable_one_version_is_taken(tmp_path: Path) -> None:
    known = made(tmp_path, {"api.v1beta1": 3, "api.v1alpha1": 3})
    (group,) = library.chosen(known, (), all_versions=False)
    assert [one.version for one in group] == ["v1beta1"]


def test_an_api_in_parts_is_so_many_apis_and_its_documents_of_two_spellings_one(tmp_path: Path) -> None:
    known = made(tmp_path, {"admin.directory_v1": 3, "admin.directoryv1": 3, "admin.reports_v1": 3})
    assert sorted(known) == ["admin.directory", "admin.reports"]
    assert len(library.chosen(known, ["admin"], all_versions=False)) == 2


def test_every_version_is_a_server_of_its_own_when_all_are_wanted(tmp_path: Path) -> None:
    known = made(tmp_path, {"drive.v2": 3, "drive.v3": 3})
    groups = library.chosen(known, (), all_versions=True)
    assert sorted(one.server for group in groups for one in group) == ["drive", "drive.v2"]


@pytest.mark.parametrize("name", ["drive.v2", "drive:v2", "DRIVE.V2"])
def test_a_version_can_be_named(tmp_path: Path, name: str) -> None:
    known = made(tmp_path, {"drive.v2": 3, "drive.v3": 3})
    ((one,),) = library.chosen(known, [name], all_versions=False)
    assert (one.version, one.server) == ("v2", "drive.v2")


def test_an_unknown_api_is_refused_with_the_nearest_names() -> None:
    known = library.families(library.folder())
    with pytest.raises(InvalidArgument) as caught:
        library.chosen(known, ["gmial"], all_versions=False)
    assert "`gmail`" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rootUrl": 1}', "{", "[" * 100_000])
def test_a_file_that_is_no_discovery_document_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "api.v1.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(library.BadDocument):
        library.load(path)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(library.NoDiscoveryDocuments) as caught:
        library.folder()
    assert "banyan-agents[google]" in str(caught.value)


def test_nothing_of_googles_client_is_imported_to_find_its_documents() -> None:
    import subprocess
    import sys

    program = (
        "import sys; from banyan.tools.google import library; library.families(library.folder());"
        "print([name for name in sys.modules if name.startswith(('googleapiclient', 'google.', 'httplib2'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert done.stdout.strip() == "[]", done.stderr
