"""Auth compares digests in constant time; SQL is parameterised everywhere.

Both are read from the source. A credential is never compared: its SHA-256, which the caller cannot steer, is looked up,
or ``hmac.compare_digest`` compares. A statement of SQL is made of constants: literals, names in capitals (set once,
when the module is imported), whole numbers written with ``:d``. What else goes into one is listed here, with a reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import everwarm
from everwarm.config import Tenant, Tenants

SOURCE = Path(everwarm.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))

SECRET = re.compile(r"(?i)credential|secret|password|bearer|api_?key|authorization")
"""Names of what must not be compared, wherever it is."""

AUTH = ("gateway/auth.py", "config/tenants.py", "config/tenant_tables.py", "store/seal.py", "core/seal.py")
"""Who decides who somebody is, or whether a seal is ours: there, what is looked up or compared is a digest."""

ALLOWED: Mapping[tuple[str, str], str] = {
    ("store/file.py", "schema.migrations"): "a schema is a constant of the store or of the ledger",
    ("store/bulk.py", "_statement(into, size, width)"): "a table of ours, and as many question marks as values",
    ("analyze/formats/ledger.py", "', '.join(Row._fields)"): "the names of a tuple's fields, which are literals",
    ("ledger/tables.py", "_where(namespace, since)"): "one of four conditions that are literals, from _where",
}
"""(file, what goes into a statement) -> why it holds no value of a request."""


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


# Credentials


def names_in(node: ast.expr) -> set[str]:
    """Names and attributes of an expression, but for what stands inside of calls: ``len(secret)`` is no secret."""
    if isinstance(node, ast.Call):
        return set()
    own = {node.id} if isinstance(node, ast.Name) else {node.attr} if isinstance(node, ast.Attribute) else set()
    return own.union(*(names_in(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)))


def is_secret(node: ast.expr) -> bool:
    return any(SECRET.search(name) and not name.isupper() for name in names_in(node))


def comparisons(tree: ast.AST) -> Iterator[ast.expr]:
    """Comparisons of secrets by value: with None is none."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq | ast.In) for op in node.ops):
            both = [node.left, *node.comparators]
            constant = any(isinstance(side, ast.Constant) for side in both)  # of no secret: "" or a scheme
            if any(map(is_secret, both)) and not constant:
                yield node


def look_ups(tree: ast.AST) -> Iterator[ast.expr]:
    """Look-ups by a secret itself: a dictionary compares it with those that are there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and is_secret(node.slice) and not isinstance(node.slice, ast.Slice):
            yield node
        elif method_of(node) in ("get", "pop", "setdefault", "startswith", "index"):
            assert isinstance(node, ast.Call)
            if node.args and is_secret(node.args[0]):
                yield node


def method_of(node: ast.AST) -> str:
    """The name of the method that a node calls; empty if it calls none."""
    return node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_no_secret_is_compared_but_in_constant_time(path: Path) -> None:
    found = [ast.unparse(node) for node in comparisons(ast.parse(path.read_text("utf-8")))]
    assert not found, "use hmac.compare_digest, or look up the digest"


@pytest.mark.parametrize("name", AUTH)
def test_nothing_is_looked_up_by_a_credential_itself(name: str) -> None:
    found = [ast.unparse(node) for node in look_ups(ast.parse((SOURCE / name).read_text("utf-8")))]
    assert not found, "look up the SHA-256 of it"


@pytest.mark.parametrize(
    ("code", "caught"),
    [
        ("a.credential == b", True),
        ("given != secret", True),
        ("api_key in keys", True),
        ("x.headers['authorization'] == expected_secret", True),
        ("secret is None", False),
        ("len(secret) == 32", False),
        ("sha256(credential).digest() == b", False),
        ("name == 'x'", False),
    ],
)
def test_a_comparison_of_a_secret_would_be_seen(code: str, caught: bool) -> None:
    assert bool(list(comparisons(ast.parse(code)))) is caught


@pytest.mark.parametrize(
    ("code", "caught"),
    [
        ("known[credential]", True),
        ("known.get(credential)", True),
        ("credential[:7]", False),
        ("known.get(sha256(credential).digest())", False),
    ],
)
def test_a_look_up_by_a_secret_would_be_seen(code: str, caught: bool) -> None:
    assert bool(list(look_ups(ast.parse(code)))) is caught


class Watched(bytes):
    """A credential that tells when it is compared, or hashed for a dictionary."""

    touched: bool

    def __eq__(self, other: object) -> bool:
        self.touched = True
        return super().__eq__(other)

    def __hash__(self) -> int:
        self.touched = True
        return super().__hash__()


def test_a_tenant_is_found_without_a_look_at_the_credential_itself() -> None:
    from hashlib import sha256

    tenants = Tenants([Tenant("acme", (sha256(b"key").hexdigest(),))])
    for text, name in ((b"key", "acme"), (b"kex", None)):
        credential = Watched(text)
        credential.touched = False
        assert tenants.of(credential) == name
        assert not credential.touched


# SQL


def statements(tree: ast.AST) -> Iterator[tuple[ast.expr, Mapping[str, list[ast.expr]]]]:
    """The statement of each ``execute``, ``executemany``, ``executescript``, with what local names stand for."""
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module)]
    for function in functions:
        local = locals_of(function)
        for node in of_its_own(function):
            if isinstance(node, ast.Call) and re.fullmatch(r"execute(many|script)?", method_of(node)):
                yield node.args[0], local


def of_its_own(function: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function without those of functions inside of it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from of_its_own(child)


def locals_of(function: ast.AST) -> dict[str, list[ast.expr]]:
    """Local name -> all that it is bound to; of a loop what it walks through, of a parameter the parameter itself."""
    bound: dict[str, list[ast.expr]] = {}
    if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs):
            bound[argument.arg] = [ast.Name(argument.arg)]
    for target, value in (pair for node in of_its_own(function) for pair in bindings(node)):
        bound.setdefault(target, []).append(value)
    return bound


def bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """What one statement binds: name, value."""
    if isinstance(node, ast.For | ast.comprehension):
        pairs: list[tuple[ast.expr, ast.expr]] = [(node.target, node.iter)]
    elif isinstance(node, ast.Assign):
        pairs = [(target, node.value) for target in node.targets]
    elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.NamedExpr):
        pairs = [(node.target, node.value)] if node.value else []
    else:
        return
    for target, value in pairs:
        if isinstance(target, ast.Tuple):
            apart = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
            values = value.elts if isinstance(value, ast.Tuple) and apart else [value] * len(target.elts)
            yield from ((t.id, v) for t, v in zip(target.elts, values, strict=True) if isinstance(t, ast.Name))
        elif isinstance(target, ast.Name):
            yield target.id, value


def variables(node: ast.expr, local: Mapping[str, list[ast.expr]]) -> Iterator[str]:
    """The parts of a statement that are no constants."""
    if isinstance(node, ast.Constant) or is_constant_name(node):
        return
    if isinstance(node, ast.Name) and node.id in local:
        rest = {name: values for name, values in local.items() if name != node.id}
        parts = local[node.id]
    elif (inner := parts_of(node)) is not None:
        rest, parts = dict(local), inner
    else:
        yield ast.unparse(node)
        return
    for part in parts:
        yield from variables(part, rest)


def parts_of(node: ast.expr) -> list[ast.expr] | None:
    """What an expression is put together from, if it is one that puts text together or chooses; else None."""
    if isinstance(node, ast.JoinedStr):
        return node.values
    if isinstance(node, ast.Tuple):
        return node.elts
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.Subscript):
        return [node.value]
    if isinstance(node, ast.FormattedValue):
        whole_number = node.format_spec is not None and ast.unparse(node.format_spec) == "f'd'"
        return [] if whole_number else [node.value]
    if isinstance(node, ast.Call) and method_of(node) == "format":
        assert isinstance(node.func, ast.Attribute)
        return [node.func.value, *node.args, *(keyword.value for keyword in node.keywords)]
    return None


def is_constant_name(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return re.fullmatch(r"_?[A-Z][A-Z0-9_]*", name) is not None


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_statements_are_made_of_constants(path: Path) -> None:
    for node, local in statements(ast.parse(path.read_text("utf-8"))):
        for part in variables(node, local):
            assert (relative(path), part) in ALLOWED, f"line {node.lineno}: {part} goes into a statement"


def test_what_is_allowed_is_still_there() -> None:
    found = {
        (relative(path), part)
        for path in FILES
        for node, local in statements(ast.parse(path.read_text("utf-8")))
        for part in variables(node, local)
    }
    assert set(ALLOWED) <= found, "take out of the list what is no longer needed"


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("c.execute('SELECT 1')", []),
        ("c.execute(_FIND, (a,))", []),
        ("c.execute(f'SELECT {_COLUMNS} FROM rows')", []),
        ("c.execute(f'PRAGMA user_version = {version:d}')", []),
        ("c.execute(_SUMS.format(source='hours'))", []),
        ("for p in ('a', 'b'):\n    c.execute(f'PRAGMA {p}')", []),
        ("c.execute(f'SELECT {name}')", ["name"]),
        ("c.execute('SELECT ' + name)", ["'SELECT ' + name"]),
        ("c.execute('SELECT %s' % name)", ["'SELECT %s' % name"]),
        ("c.execute('SELECT {}'.format(name))", ["name"]),
        ("c.executescript(text)", ["text"]),
        ("q = f'SELECT {name}'\nc.executemany(q, [])", ["name"]),
        ("q = 'a'\nq = b\nc.execute(q)", ["b"]),
        ("q, values = f'SELECT {_NAMES}', (1,)\nc.execute(q, values)", []),
        ("q, values = condition(x)\nc.execute(f'SELECT {q}')", ["condition(x)"]),
        ("def f(q):\n    q = 'a' if x else q\n    c.execute(q)", ["q", "q"]),
        ("def f(q):\n    q += 'a'\n    c.execute(q)", ["q"]),
    ],
)
def test_a_value_in_a_statement_would_be_seen(code: str, parts: list[str]) -> None:
    found = [part for node, local in statements(ast.parse(code)) for part in variables(node, local)]
    assert found == parts
