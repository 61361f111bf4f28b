"""The house rules, as tests: what a reviewer would otherwise have to repeat."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "banyan"
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "versions" not in path.parts)
TESTS = sorted((ROOT / "tests").rglob("*.py"))

FLOORS = {"core": 0, "memory": 1, "retrieval": 1, "tools": 2, "agents": 3, "server": 4}
"""Room to floor.  A room may import rooms on lower floors, and itself."""

BANNED_MODULES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "handler", "handlers"}
BANNED_MODULES |= {"base"}
BANNED_SUFFIXES = ("Manager", "Handler", "Processor", "Helper")

MODULE_LINES, FUNCTION_LINES, MEAN_FUNCTION_LINES, CLASS_LINES, PUBLIC_METHODS = 600, 60, 12.0, 250, 15
PORT_METHODS = 5

ENVIRONMENT_READERS = {"banyan/server/settings.py", "banyan/server/secrets.py"}
COMPOSERS = {"banyan/server/wiring.py", "banyan/server/evaluation.py"}
"""Where classes are put behind ports: for everything, and for an evaluation, which has a catalogue of its own."""
PRINTERS = ("banyan/server/cli/",)

OVERSIZED_CLASSES: dict[str, tuple[int, int]] = {}
"""Class to the lines and public methods it has today; entries may only shrink and go."""

SHIPPED_WITH = {"mcp-types": "mcp", "pydantic-core": "pydantic"}
"""Distributions that another one pins to one exact version, as its own parts."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def room_of(path: Path) -> str | None:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else None


def imported_modules(path: Path) -> Iterator[str]:
    """Yield every module that `path` imports, absolute, wherever in the file the import stands."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            head = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*head, *([node.module] if node.module else [])))
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imported_rooms(path: Path) -> set[str]:
    parts = (module.split(".") for module in imported_modules(path))
    return {part[1] for part in parts if part[0] == "banyan" and len(part) > 1}


def functions_of(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, Function))


def lines_of(node: Function) -> int:
    """Return the lines of a function, without its docstring."""
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        length -= (first.end_lineno or first.lineno) - first.lineno + 1
    return length


def public_methods(node: ast.ClassDef) -> list[Function]:
    """Return what can be called on an instance; a property is a value."""
    methods = (one for one in node.body if isinstance(one, Function) and not one.name.startswith("_"))
    return [one for one in methods if not any("property" in ast.unparse(mark) for mark in one.decorator_list)]


def where(path: Path, node: ast.stmt | ast.expr | ast.excepthandler, text: str = "") -> str:
    return f"{relative(path)}:{node.lineno} {text}".rstrip()


def test_a_room_imports_only_rooms_below_it() -> None:
    wrong = []
    for path in FILES:
        room = room_of(path)
        if room is None or room == "testing":
            continue
        others = imported_rooms(path) & FLOORS.keys() - {room}
        wrong += [f"{relative(path)} imports {other}" for other in others if FLOORS[other] >= FLOORS[room]]
    assert not wrong


def test_every_folder_of_the_package_is_a_room() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == FLOORS.keys() | {"testing"}


def test_ports_are_filled_in_two_places() -> None:
    rest = [path for path in FILES if room_of(path) == "server" and relative(path) not in COMPOSERS]
    below = {"memory", "retrieval"}
    assert [relative(path) for path in rest if below & imported_rooms(path)] == []


def test_nothing_but_tests_imports_the_doubles() -> None:
    product = [path for path in FILES if room_of(path) != "testing"]
    assert [relative(path) for path in product if "testing" in imported_rooms(path)] == []


def test_the_doubles_stand_on_the_rooms_below_the_server() -> None:
    doubles = [path for path in FILES if room_of(path) == "testing"]
    assert [relative(path) for path in doubles if {"server", "agents"} & imported_rooms(path)] == []


def test_modules_are_named_by_what_they_hold() -> None:
    assert [relative(path) for path in FILES if {*path.parts, path.stem} & BANNED_MODULES] == []


def test_classes_are_things() -> None:
    wrong = []
    for path in FILES:
        classes = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef))
        wrong += [where(path, node, node.name) for node in classes if node.name.endswith(BANNED_SUFFIXES)]
    assert not wrong


def test_a_module_fits_a_sitting() -> None:
    lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: length for name, length in lengths.items() if length > MODULE_LINES} == {}


def test_a_function_fits_a_screen() -> None:
    wrong = []
    for path in FILES:
        wrong += [where(path, one, one.name) for one in functions_of(path) if lines_of(one) > FUNCTION_LINES]
    assert not wrong


def test_functions_are_short_on_the_whole() -> None:
    lengths = [lines_of(one) for path in FILES for one in functions_of(path)]
    assert sum(lengths) / len(lengths) <= MEAN_FUNCTION_LINES


def test_a_class_can_be_held_in_mind() -> None:
    wrong = []
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.ClassDef):
                continue
            lines, methods = (node.end_lineno or node.lineno) - node.lineno + 1, len(public_methods(node))
            most_lines, most_methods = OVERSIZED_CLASSES.get(node.name, (CLASS_LINES, PUBLIC_METHODS))
            if lines > most_lines or methods > most_methods:
                wrong.append(where(path, node, f"{node.name}: {lines} lines, {methods} public methods"))
    assert not wrong


def test_a_port_asks_for_few_methods() -> None:
    ports = [node for node in tree_of(PACKAGE / "core/ports.py").body if isinstance(node, ast.ClassDef)]
    sizes = {node.name: len(public_methods(node)) for node in ports}
    assert sizes, "the ports have moved"
    assert {name: size for name, size in sizes.items() if size > PORT_METHODS} == {}


def test_the_environment_is_read_in_two_places() -> None:
    wrong = []
    for path in FILES:
        if relative(path) in ENVIRONMENT_READERS:
            continue
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv", "os.environb"}:
                wrong.append(where(path, node))
            elif isinstance(node, ast.ImportFrom) and node.module == "os":
                names = {alias.name for alias in node.names}
                wrong += [where(path, node)] if names & {"environ", "getenv", "environb"} else []
    assert not wrong


def test_only_the_command_line_prints() -> None:
    wrong = []
    for path in FILES:
        if relative(path).startswith(PRINTERS):
            continue
        calls = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call))
        wrong += [where(path, node) for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"]
    assert not wrong


def undocumented(path: Path) -> Iterator[str]:
    """Yield the public module, classes, functions and methods of `path` that have no docstring."""
    tree = tree_of(path)
    if not ast.get_docstring(tree):
        yield relative(path)
    scopes: list[ast.Module | ast.ClassDef] = [tree]
    while scopes:
        for node in scopes.pop().body:
            if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node) and not any("overload" in ast.unparse(one) for one in node.decorator_list):
                yield where(path, node, node.name)
            if isinstance(node, ast.ClassDef):
                scopes.append(node)


def test_everything_public_says_what_it_is() -> None:
    assert [one for path in FILES for one in undocumented(path)] == []


def broad_handlers() -> Iterator[tuple[Path, ast.ExceptHandler]]:
    """Yield every handler that catches all there is and does not end by raising again."""
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ExceptHandler) and not isinstance(node.body[-1], ast.Raise):
                caught = ast.unparse(node.type) if node.type else "BaseException"
                if re.search(r"\b(Base)?Exception\b", caught):
                    yield path, node


def test_a_broad_handler_logs_the_failure_or_carries_it_on_and_says_why() -> None:
    wrong = []
    for path, node in broad_handlers():
        line = path.read_text(encoding="utf-8").splitlines()[node.lineno - 1]
        body = "\n".join(ast.unparse(one) for one in node.body)
        carried = node.name and re.search(rf"\b{node.name}\b", body) and re.search(r"# noqa: BLE001\W+\w+ \w+", line)
        if "logger.exception(" not in body and not carried:
            wrong.append(where(path, node, line.strip()))
    assert not wrong


def test_broad_handlers_stay_few() -> None:
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in FILES)
    assert len(list(broad_handlers())) <= max(4, lines / 2000)


def test_no_module_keeps_state_that_functions_change() -> None:
    wrong = []
    for path in FILES:
        wrong += [where(path, node) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Global)]
    assert not wrong


AUDIT = """
import sys
import importlib
import pkgutil

seen = []

def watch(event, arguments):
    if event == "open":
        path, mode = str(arguments[0]), arguments[1] or "r"
        code = path.endswith((".py", ".pyc", ".so", ".pyd")) and "w" not in mode
        if not code and {strict}:
            seen.append(f"open {{path}}")
        elif set(mode) & set("wax+"):
            seen.append(f"write {{path}}")
    elif event.startswith(("socket.connect", "socket.bind", "subprocess.", "os.mkdir", "os.remove", "os.rename")):
        seen.append(event)

names = {names!r}
sys.addaudithook(watch)
for name in names:
    importlib.import_module(name)
print("\\n".join(seen))
"""


def side_effects_of_importing(modules: list[str], *, strict: bool) -> str:
    """Return what importing `modules` did beyond loading code, one act per line.

    With `strict`, reading any other file counts too.
    """
    program = AUDIT.format(names=modules, strict=strict)
    done = subprocess.run(
        [sys.executable, "-B", "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def modules_under(*rooms: str) -> list[str]:
    found = []
    for path in FILES:
        if room_of(path) in rooms and path.stem != "__main__":
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


def test_importing_the_core_does_no_input_or_output() -> None:
    assert side_effects_of_importing(["banyan", *modules_under("core")], strict=True) == ""


@pytest.mark.timeout(90)
def test_importing_any_module_starts_writes_and_connects_nothing() -> None:
    modules = modules_under("memory", "retrieval", "tools", "agents", "server")
    assert side_effects_of_importing(modules, strict=False) == ""


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Yield the name and text of every file in the repository that is text."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        names = [relative(path) for folder in (PACKAGE, ROOT / "tests", ROOT / "docs") for path in folder.rglob("*.*")]
    else:
        names = subprocess.run([git, "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in names:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".json", ".txt", ".cfg", ".ini", ".mako", ""} and path.is_file():
            yield name, path.read_text(encoding="utf-8")


def test_the_project_speaks_of_itself_alone() -> None:
    # Spelled in pieces, so that this file passes its own test.
    machine = "|".join(
        ["/wor" + "k/", "/tm" + "p/", "/roo" + "t/", "/hom" + "e/[a-z]", "index" + "-url", "extra" + "-index"]
    )
    writers = "|".join(["language " + "model wrote", "generated by " + "an? ", "as an " + "ai", "co-authored" + "-by"])
    foreign = re.compile(rf"(?<![\w.])(?:{machine})|{writers}", re.IGNORECASE)
    wrong = []
    for name, text in tracked_texts():
        for number, line in enumerate(text.splitlines(), start=1):
            wrong += [f"{name}:{number} {line.strip()[:80]}"] if foreign.search(line) else []
    assert not wrong


def test_work_left_to_do_stands_in_the_tracker_and_not_in_the_code() -> None:
    marks = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]))
    wrong = [relative(path) for path in [*FILES, *TESTS] if marks.search(path.read_text(encoding="utf-8"))]
    assert not wrong


def test_every_library_that_the_package_imports_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [one for name, group in project["optional-dependencies"].items() if name != "dev" for one in group]
    declared = {re.split(r"[\[<>=!~; ]", one)[0].lower() for one in [*project["dependencies"], *extras]}
    distributions = packages_distributions()
    wrong = set()
    for path in FILES:
        for module in {module.split(".")[0] for module in imported_modules(path)}:
            if module in sys.stdlib_module_names or module == "banyan":
                continue
            owners = {one.lower().replace("_", "-") for one in distributions.get(module, [module])}
            owners |= {SHIPPED_WITH.get(one, one) for one in owners}
            wrong |= set() if owners & declared else {f"{relative(path)} imports {module}"}
    assert not wrong


def test_the_default_install_holds_no_heavy_framework() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[\[<>=!~; ]", one)[0].lower() for one in project["dependencies"]}
    assert names.isdisjoint({"torch", "transformers", "sentence-transformers", "botocore", "psycopg"})


def test_tests_are_functions_without_mocks_or_sleeps() -> None:
    wrong = []
    for path in TESTS:
        for node in ast.walk(tree_of(path)):
            kind = isinstance(node, ast.ClassDef) and node.name.startswith("Test")
            mock = isinstance(node, ast.Import | ast.ImportFrom) and "unittest" in ast.unparse(node)
            # Programs under tests/servers are told to be slow, and fixtures wait for programs; tests wait for events.
            waits = "servers" in path.parts or path.name == "conftest.py"
            sleep = isinstance(node, ast.Call) and ast.unparse(node.func) == "time.sleep" and not waits
            if isinstance(node, ast.stmt | ast.expr) and (kind or mock or sleep):
                wrong.append(where(path, node))
    assert not wrong


def test_the_guide_for_contributors_fits_two_pages() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 100
