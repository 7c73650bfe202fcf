"""s18: no code at rest: nothing that is read is run, and what is installed is named to the byte.

Both are read from the files. What rests in the data folder, and how it is sealed: the file beside this one.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import everwarm

SOURCE = Path(everwarm.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
ROOT = Path(__file__).parents[2]

MODULES = frozenset(
    {
        *("pickle", "_pickle", "cloudpickle", "dill", "jsonpickle", "joblib", "marshal", "shelve", "dbm", "copyreg"),
        *("torch", "yaml", "ruamel", "code", "codeop", "ctypes", "cffi", "imp", "runpy", "zipimport"),
    }
)
"""They read objects, code or libraries from bytes."""

NAMES = frozenset({"eval", "exec", "compile", "__import__"})
METHODS = frozenset({"os.system", "os.popen", "np.load", "numpy.load"})
ANY_METHOD = frozenset({"enable_load_extension", "load_extension", "exec_module", "load_module", "read_pickle"})
FLAGS = frozenset({"shell", "allow_pickle"})

SANDBOX = {
    "jinja2": {"TemplateError"},
    "jinja2.sandbox": {"ImmutableSandboxedEnvironment"},
    "jinja2.ext": {"loopcontrols"},
}
"""What of Jinja may be used: a model's template comes from a file."""


def runs(tree: ast.AST) -> Iterator[str]:
    """What in it runs, or could run, what is read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.partition(".")[0] in MODULES | {"jinja2"})
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = {alias.name for alias in node.names}
            if node.module.partition(".")[0] in MODULES:
                yield node.module
            elif node.module.partition(".")[0] == "jinja2":
                yield from names - SANDBOX.get(node.module, set())
        elif isinstance(node, ast.Call):
            yield from called(node)


def called(node: ast.Call) -> Iterator[str]:
    for flag in node.keywords:
        if flag.arg in FLAGS and not (isinstance(flag.value, ast.Constant) and flag.value.value is False):
            yield f"{flag.arg}={ast.unparse(flag.value)}"
    if isinstance(node.func, ast.Name) and node.func.id in NAMES:
        yield node.func.id
    elif isinstance(node.func, ast.Attribute):
        name = ast.unparse(node.func)
        if name in METHODS or node.func.attr in ANY_METHOD:
            yield name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_nothing_that_is_read_is_run(path: Path) -> None:
    assert list(runs(ast.parse(path.read_text("utf-8")))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "import os, marshal as m",
        "from torch import load",
        "import yaml\nyaml.load(text)",
        "def f():\n    import dill",
        "eval(text)",
        "x = [exec(line) for line in text]",
        "compile(text, '', 'exec')",
        "subprocess.run(words, shell=True)",
        "np.load(path, allow_pickle=flag)",
        "connection.enable_load_extension(True)",
        "os.system(text)",
        "from jinja2 import Environment",
        "from jinja2.sandbox import Environment",
        "import jinja2",
    ],
)
def test_it_would_be_seen(code: str) -> None:
    assert list(runs(ast.parse(code)))


def test_what_is_harmless_is_let_be() -> None:
    code = "import re\nre.compile('x')\nsubprocess.run(words, shell=False)\nfrom jinja2.ext import loopcontrols"
    assert list(runs(ast.parse(code))) == []


# --- what is installed ------------------------------------------------------------------------------------------------

LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
NODE = sorted(path for path in ROOT.glob("tests/clients/*/package-lock.json"))
repository = pytest.mark.skipif(not LOCKS, reason="installed without the repository")

REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w,-]+\])?==[\w.!+]+( ; [^;#]+?)?( --hash=sha256:[0-9a-f]{64})+")


def requirements(text: str) -> list[str]:
    """The lines of a lock, put together again and without comments."""
    whole = re.sub(r"\\\n\s*", "", text)
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in whole.splitlines())
    return [re.sub(r"\s+", " ", line) for line in lines if line]


@repository
@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_and_hashed_and_names_no_place(path: Path) -> None:
    text = path.read_text("utf-8")
    found = requirements(text)
    assert found
    for line in found:
        assert REQUIREMENT.fullmatch(line), line
    assert "://" not in text
    assert len({line.partition(" ")[0].lower() for line in found}) == len(found)


@pytest.mark.parametrize(
    "line",
    [
        "a>=1 --hash=sha256:" + "0" * 64,
        "a==1",
        "a==1 --hash=md5:" + "0" * 32,
        "a==1.* --hash=sha256:" + "0" * 64,
        "a @ file:a.whl --hash=sha256:" + "0" * 64,
        "-e .",
        "-r other.lock",
        "--index-url x",
    ],
)
def test_a_requirement_that_is_not_would_be_seen(line: str) -> None:
    assert not REQUIREMENT.fullmatch(requirements(line)[0])


@repository
def test_what_is_served_is_what_was_tested() -> None:
    """The same versions, with the same hashes; what is needed where may differ."""
    tested, served = (
        {
            (line.split(" ")[0], tuple(re.findall(r"--hash=(\S+)", line)))
            for line in requirements(path.read_text("utf-8"))
        }
        for path in (ROOT / "requirements" / "dev.lock", ROOT / "requirements" / "serve.lock")
    )
    assert served <= tested


@repository
@pytest.mark.parametrize("path", NODE, ids=lambda path: path.parent.name)
def test_every_package_for_node_is_pinned_and_hashed_and_names_no_place(path: Path) -> None:
    text = path.read_text("utf-8")
    packages = json.loads(text)["packages"]
    assert len(packages) > 1
    for name, package in packages.items():
        if name:
            assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"]), name
            assert re.fullmatch(r"\d+\.\d+\.\d+[\w.+-]*", package["version"]), name
            assert "resolved" not in package
    assert "://" not in text
    assert "://" not in (path.parent / ".npmrc").read_text("utf-8")


@repository
def test_nothing_is_installed_past_the_locks() -> None:
    """Every install of the Makefile asks for hashes; but for what writes the locks, and for ourselves."""
    text = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", "")
    installs = [line.strip() for line in text.splitlines() if re.search(r"pip\b.* install\b", line)]
    past = [line for line in installs if "--require-hashes" not in line]
    assert len(installs) > len(past)
    assert all(re.search(r"--no-deps .*--editable \.$|install --quiet uv$", line) for line in past), past
    assert "npm ci --ignore-scripts" in text
    assert not re.search(r"npm (install|i) ", text)
