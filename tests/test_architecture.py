"""The house rules that no single module can keep: who may import whom, and what nobody does."""

import ast
import os
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from fraud import schema

ROOT = Path(__file__).parents[1]

# From the ground up; a room imports from the floors below its own only. What stands together in a set does not know of
# each other.
FLOORS = (
    {"fraud", "fraud.errors", "fraud.schema", "fraud.costs", "fraud.connection"},
    {"fraud.settings", "fraud.artefacts", "fraud.metrics", "fraud.terminal", "fraud.features", "fraud.client"},
    {"fraud.dataset", "fraud.report", "fraud.bundle", "fraud.graph"},
    {"fraud.learn", "fraud.explore", "fraud.scorer"},
    {"fraud.arguments", "fraud.evaluate", "fraud.batch", "fraud.promote", "fraud.api"},
    {"fraud.__main__", "checks"},
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

SOURCES = sorted(path for folder in ("fraud", "checks") for path in (ROOT / folder).rglob("*.py"))


def module(path):
    """The dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module(path): path for path in SOURCES}


def room(name):
    if name.split(".")[0] == "checks":
        return "checks"
    return ".".join(name.split(".")[:2])


def imports(path):
    """The modules of this project that a source file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in NAMES else node.module)
    return {name for name in found if name.split(".")[0] in ("fraud", "checks")}


@pytest.mark.parametrize("path", SOURCES, ids=module)
def test_a_room_imports_from_the_floors_below_it_only(path):
    own = room(module(path))
    for name in imports(path):
        assert name in NAMES
        if room(name) != own and name != "fraud":
            assert FLOOR[room(name)] < FLOOR[own], f"{module(path)} imports {name}, which does not stand below it"


def test_inside_the_rooms_the_arrows_run_one_way():
    graph = {name: imports(path) - {name} for name, path in NAMES.items()}
    assert len(list(TopologicalSorter(graph).static_order())) >= len(NAMES)


def test_nothing_that_decides_knows_of_its_gates():
    for name, path in NAMES.items():
        if name.startswith("fraud"):
            assert not {found for found in imports(path) if found.startswith("checks")}, name


STEPS = {
    "data.json": "fraud.dataset.source",
    "validation.json": "checks.data.run",
    "explore.json": "fraud.explore.explore",
    "training.json": "fraud.learn.train",
    "metrics.json": "fraud.evaluate.evaluate",
    "gate.json": "checks.model",
    "report/index.html": "fraud.report.report",
}


def reached(start, arrows):
    """All that the arrows lead to from there, itself among them."""
    found, left = set(), [start]
    while left:
        if (place := left.pop()) not in found:
            found.add(place)
            left += arrows(place)
    return found


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """The prerequisites of each target of a build folder in which nothing lies yet."""
    build = tmp_path_factory.mktemp("build")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("FRAUD_", "MAKE", "MFLAGS"))
    }
    told = subprocess.run(
        ["make", "-pnq", f"BUILD={build}"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    return {
        target.removeprefix(f"{build}/"): [name.removeprefix(f"{build}/") for name in before.split()]
        for target, before in re.findall(r"^([^:#\s]+): ([^=\n]*)$", told.stdout, re.MULTILINE)
    }


@pytest.mark.parametrize(("record", "entry"), STEPS.items(), ids=STEPS)
def test_make_runs_a_step_again_when_any_module_changed_that_it_uses(rules, record, entry):
    used = reached(entry, lambda name: imports(NAMES[name]) if name in NAMES else ())
    sources = {str(NAMES[name].relative_to(ROOT)) for name in used if name in NAMES}
    # Nothing but words stands in those.
    sources = {source for source in sources if not source.endswith("__init__.py")}
    assert sources - reached(record, lambda target: rules.get(target, ())) == set()


def test_every_room_has_its_floor():
    assert {room(name) for name in NAMES} == set(FLOOR)


def trees():
    return [(name, ast.parse(path.read_text(encoding="utf-8"))) for name, path in NAMES.items()]


def test_no_other_module_names_a_column():
    """A title of a figure may; a name that picks a column comes from the schema."""
    for name, tree in trees():
        if name == "fraud.schema":
            continue
        titles = {id(word.value) for word in ast.walk(tree) if isinstance(word, ast.keyword) and word.arg == "title"}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and id(node) not in titles:
                assert node.value not in schema.COLUMNS, f"{name}, line {node.lineno}"


def test_nothing_reads_or_writes_what_runs_code():
    banned = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "eval", "exec"}
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                words = {alias.name.split(".")[0] for alias in node.names} | {getattr(node, "module", None)}
            elif isinstance(node, ast.Name):
                words = {node.id}
            elif isinstance(node, ast.Attribute):
                words = {f"{node.value.id}.{node.attr}"} if isinstance(node.value, ast.Name) else set()
                words |= {node.attr} & {"read_pickle", "to_pickle"}
            else:
                continue
            assert words.isdisjoint(banned | {"joblib.dump", "joblib.load", "read_pickle", "to_pickle"}), (
                f"{name}, line {node.lineno}"
            )


def test_only_the_settings_read_the_environment():
    """Telling a library something by a variable is no reading; a mirror's credentials are no setting."""
    for name, tree in trees():
        if name in ("fraud.settings", "fraud.dataset.mirrors"):
            continue
        allowed = {
            id(node.value)
            for node in ast.walk(tree)
            if (isinstance(node, ast.Attribute) and node.attr == "setdefault")
            or (isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store))
        }
        for node in ast.walk(tree):
            reads = isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb")
            # A request's own, by WSGI's name for it.
            reads = reads and ast.unparse(node) != "request.environ"
            assert not reads or id(node) in allowed, f"{name}, line {node.lineno}"


PROBE = """
import sys
before = set(sys.modules)
opened = []
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path, mode, flags = arguments
        writes = bool(flags & 3) if isinstance(flags, int) else "w" in (mode or "")
        opened.append((str(path), writes))
    elif event in ("socket.connect", "subprocess.Popen", "os.mkdir", "os.rename", "os.remove"):
        opened.append((event, True))
import importlib
for library in {libraries!r}:
    importlib.import_module(library)
sys.addaudithook(hook)
for name in {names!r}:
    if not name.endswith("__main__"):
        importlib.import_module(name)
own = [(p, w) for p, w in opened if not p.endswith((".py", ".pyc", ".so")) and "__pycache__" not in p]
print([p for p, w in own if w or {root!r} in p and "/.venv/" not in p])
"""


def test_importing_a_module_opens_writes_and_logs_nothing(tmp_path):
    """Third-party modules are imported first, so that what they do is not laid at this project's door."""
    libraries = set()
    for _, tree in trees():
        for node in tree.body:
            if isinstance(node, ast.Import):
                libraries |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                libraries.add(node.module)
    libraries = sorted(name for name in libraries if name.split(".")[0] not in ("fraud", "checks"))
    program = PROBE.format(libraries=libraries, names=sorted(NAMES), root=str(ROOT))
    done = subprocess.run(
        [sys.executable, "-B", "-W", "ignore", "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "[]\n")
