"""A Python program's story with one Banyan object, on the real parts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anyio
import pytest

import banyan
from banyan.core.call import Category, OutcomeKind
from banyan.core.errors import (
    DatabaseUnavailable,
    InvalidArgument,
    ModelUnavailable,
    SettingsError,
    SourceUnavailable,
    UnknownSource,
)
from banyan.server.settings import Settings

EVERYDAY = Path(__file__).parents[1] / "servers" / "everyday.py"


@banyan.tool(read_only=True)
def convert_temperature(celsius: float) -> float:
    """Convert a temperature from Celsius to Fahrenheit.

    Args:
        celsius: degrees Celsius.
    """
    return celsius * 9 / 5 + 32


async def test_a_function_is_added_found_in_other_words_and_called(tmp_path: Path) -> None:
    async with banyan.open(tmp_path) as b:
        report = await b.add(convert_temperature)
        (name,) = report.new
        await b.embed()
        answer = await b.find("how warm is it in Fahrenheit")
        assert answer.fits
        assert answer.results[0].name == name
        outcome = await b.call(name, {"celsius": 100})
        assert outcome.ok
        assert outcome.data == 212.0
        assert outcome.handle is not None
        assert (await b.read(outcome.handle)).content == "212.0"


async def test_a_server_is_added_called_and_removed_with_its_tools(tmp_path: Path) -> None:
    async with banyan.open(tmp_path) as b:
        report = await b.add("day", command=[sys.executable, str(EVERYDAY)])
        assert "day__echo" in report.new
        assert (await b.call("day__echo", {"text": "good morning"})).preview == '{"result":"good morning"}'
        assert await b.remove("day") == len(report.new)
        gone = await b.call("day__echo", {"text": "anybody there?"})
        assert (gone.outcome, gone.category) == (OutcomeKind.FAILED, Category.UNKNOWN_TOOL)
        with pytest.raises(UnknownSource):
            await b.remove("day")


async def test_a_source_that_cannot_be_listed_is_not_kept(tmp_path: Path) -> None:
    async with banyan.open(tmp_path) as b:
        with pytest.raises(SourceUnavailable):
            await b.add("broken", command=[sys.executable, "-c", "raise SystemExit(3)"])
        assert await b.sources() == []


async def test_adding_a_broken_configuration_over_a_good_one_keeps_the_tools_that_are_known(tmp_path: Path) -> None:
    async with banyan.open(tmp_path) as b:
        await b.add("day", command=[sys.executable, str(EVERYDAY)])
        with pytest.raises(SourceUnavailable):
            await b.add("day", command=[sys.executable, "-c", "raise SystemExit(3)"])
        assert (await b.call("day__echo", {"text": "still here"})).ok


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("no spaces", {"command": ["true"]}),
        ("nothing", {}),
        ("both", {"command": ["true"], "url": "http://127.0.0.1:1/mcp"}),
        ("odd", {"command": ["true"], "colour": "red"}),
    ],
)
async def test_a_source_that_makes_no_sense_is_refused(tmp_path: Path, name: str, config: dict[str, object]) -> None:
    async with banyan.open(tmp_path) as b:
        with pytest.raises(InvalidArgument):
            await b.add(name, **config)  # type: ignore[arg-type]


async def test_what_another_process_adds_is_found_within_two_seconds(tmp_path: Path) -> None:
    async with banyan.open(tmp_path) as b:
        assert (await b.find("anything")).results == ()
        told = anyio.Event()
        b.on_change(told.set)
        program = f"""
import anyio, sys, banyan
async def main():
    async with banyan.open({str(tmp_path)!r}, watch=False) as b:
        await b.add("day", command=[sys.executable, {str(EVERYDAY)!r}])
anyio.run(main)
"""
        await anyio.to_thread.run_sync(lambda: subprocess.run([sys.executable, "-c", program], check=True, timeout=25))
        with anyio.fail_after(2):
            await told.wait()
        assert (await b.find("day__echo")).results[0].name == "day__echo"


async def test_a_tool_that_a_running_server_adds_is_found_within_two_seconds(tmp_path: Path) -> None:
    async with banyan.open(tmp_path) as b:
        before = len((await b.add("day", command=[sys.executable, str(EVERYDAY)])).new)
        told = anyio.Event()
        b.on_change(told.set)
        assert (await b.call("day__grow")).ok
        with anyio.fail_after(10):
            await told.wait()
        (server,) = await b.servers()
        assert sum(server.counts.values()) == before + 1


async def test_two_banyans_in_one_program_do_not_disturb_each_other(tmp_path: Path) -> None:
    async with banyan.open(tmp_path / "one") as one, banyan.open(tmp_path / "two") as two:
        (name,) = (await one.add(convert_temperature)).new
        assert not (await two.call(name, {"celsius": 0})).ok
        assert (await one.call(name, {"celsius": 0})).data == 32.0


async def test_a_wrong_database_url_is_one_typed_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        async with banyan.open(tmp_path, "mongodb://127.0.0.1/x"):
            raise AssertionError("it opened")
    with pytest.raises(DatabaseUnavailable):
        async with banyan.open(tmp_path, "postgresql://me:hunter2@127.0.0.1:1/x"):
            raise AssertionError("it opened")


async def test_an_error_inside_the_block_leaves_it_alone_and_not_in_a_group(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with banyan.open(tmp_path):
            _ = 1 / 0


async def test_doctor_says_which_secret_a_source_needs_and_how_to_set_it(tmp_path: Path) -> None:
    async with banyan.open(tmp_path) as b:
        with pytest.raises(SourceUnavailable):
            await b.add("day", command=[sys.executable, str(EVERYDAY)], env={"KEY": "${NO_SUCH_SECRET}"})
        report = await b.doctor()
        assert report.ok
        assert {check.about for check in report.checks} >= {"home", "database", "index", "sources", "tools"}


async def test_a_secret_given_in_python_is_kept_apart_from_the_catalogue(tmp_path: Path) -> None:
    canary = "sk-canary-0123456789abcdef"
    async with banyan.open(tmp_path) as b:
        report = await b.add("day", command=[sys.executable, str(EVERYDAY)], env={"API_TOKEN": canary})
        assert set(report.secrets) == {"DAY__API_TOKEN"}
        (source,) = await b.sources()
        assert source.config["env"] == {"API_TOKEN": "${DAY__API_TOKEN}"}
        whoami = await b.call("day__whoami")
        assert whoami.ok
        assert canary not in whoami.preview
    kept = b"".join([file.read_bytes() for file in tmp_path.glob("banyan.db*")])  # noqa: ASYNC240 - a test may wait
    assert kept
    assert canary.encode() not in kept


async def test_a_secret_of_a_source_that_cannot_be_listed_is_forgotten_again(tmp_path: Path) -> None:
    async with banyan.open(tmp_path) as b:
        with pytest.raises(SourceUnavailable):
            await b.add(
                "broken",
                command=[sys.executable, "-c", "raise SystemExit(3)"],
                env={"API_TOKEN": "sk-canary-0123456789"},
            )
    kept = tmp_path / "secrets.json"
    assert not kept.exists() or "canary" not in kept.read_text(encoding="utf-8")


PROGRAM = """
import sys, os, anyio, banyan

@banyan.tool
def area(width: float, height: float) -> float:
    \"\"\"Return the area of a rectangle.\"\"\"
    return width * height

async def main():
    async with banyan.open(sys.argv[1], watch=False) as b:
        (name,) = (await b.add(area)).new
        print((await b.call(name, {"width": 2, "height": 3})).data, flush=True)
        if len(sys.argv) > 2:
            os._exit(9)

anyio.run(main)
"""


async def test_functions_of_a_program_leave_nothing_behind_when_it_ends(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    ended = await anyio.run_process([sys.executable, str(program), str(tmp_path / "home")])
    assert ended.stdout.strip() == b"6.0"
    async with banyan.open(tmp_path / "home", watch=False) as b:
        assert await b.sources() == []
        assert (await b.doctor()).ok


async def test_what_a_killed_program_left_behind_tells_how_it_is_removed(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    await anyio.run_process([sys.executable, str(program), str(tmp_path / "home"), "killed"], check=False)
    async with banyan.open(tmp_path / "home", watch=False) as b:
        (report,) = await b.sync()
        assert "`banyan remove main`" in str(report.error)
        (check,) = (one for one in (await b.doctor()).checks if one.about == "source main" and one.fix)
        assert check.fix == "banyan remove main"


async def test_a_function_within_another_is_offered_until_the_end_and_one_of_a_module_stays(tmp_path: Path) -> None:
    def within(text: str) -> str:
        """Return the text."""
        return text

    async with banyan.open(tmp_path, watch=False) as b:
        await b.add(within)
    async with banyan.open(tmp_path, watch=False) as b:
        assert await b.sources() == []
        await b.add(convert_temperature)
    async with banyan.open(tmp_path, watch=False) as b:
        assert len(await b.sources()) == 1


async def test_a_home_that_cannot_be_made_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot be made"):
        settings = Settings(home=tmp_path / "file" / "home", database=f"sqlite:///{tmp_path / 'banyan.db'}")
        async with banyan.open(settings=settings):
            pass


async def test_an_index_that_cannot_be_written_leaves_search_by_words(tmp_path: Path) -> None:
    (tmp_path / "index").touch()  # in the way, for root as well
    async with banyan.open(tmp_path, watch=False) as b:
        await b.add(convert_temperature)
        with pytest.raises(ModelUnavailable, match="cannot be written"):
            await b.embed()
        assert (await b.find("convert a temperature")).results
