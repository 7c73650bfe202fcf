"""What a call makes: of the library, of the program's own functions, of methods of texts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import islice
from typing import Final

from everwarm.lint.python import formats, sources
from everwarm.lint.python.frame import Frame, Reader
from everwarm.lint.python.names import argument, methods, outwards, written
from everwarm.lint.python.program import Function
from everwarm.lint.python.text import ENVIRONMENT, KEYS, SET, Bit, Text, changing, gone_through, joined, ordered, worst

_AS_IT_IS: Final = {
    *("str", "list", "tuple", "reversed", "iter", "dict", "enumerate", "filter", "map", "zip", "repr", "format"),
    *("os.path.basename", "os.path.join", "os.path.abspath", "os.path.normpath", "os.fspath"),
    *("textwrap.dedent", "inspect.cleandoc", "textwrap.indent", "copy.copy", "copy.deepcopy", "string.Template"),
}
"""Functions that give the text that they get, as far as it matters here."""

_MAKERS: Final = {"from_template", "from_messages", "PromptTemplate", "SystemMessage", "TextBlockParam", "Template"}
"""Makers of prompts in frameworks: the text that they get is in what they make."""

_ONLY_A_WAY: Final = {ENVIRONMENT, "a path"}
"""What a function needs to find something, as a rule; it is not in what it gives back."""

_NO_TEXT: Final = {"len", "bool", "isinstance", "print", "any", "all", "sum", "min", "max"}
_KEPT: Final = {
    "strip",
    "lstrip",
    "rstrip",
    "upper",
    "lower",
    "title",
    "splitlines",
    "copy",
    "encode",
    "decode",
    "values",
}
_OF_TEXTS: Final = {*_KEPT, "format", "format_map", "join", "replace", "get", "pop", "create", "invoke"}
"""Methods that are another's, as a rule, though a class of the program has one of that name."""

_SETS: Final = {"union", "intersection", "difference", "symmetric_difference"}
_SCHEMAS: Final = {"model_json_schema", "schema", "json_schema", "to_json_schema"}


def read_call(reader: Reader, node: ast.Call, frame: Frame) -> Text:
    """What is known of the text that a call gives."""
    dotted = reader.program.dotted(node.func)
    own = list(_own(reader, node, frame))
    if own:
        return worst(_returned(reader, function, node, frame) for function in own)
    kind = sources.of_call(dotted, node)
    if kind:
        return (Bit(kind=kind, node=node),)
    if isinstance(node.func, ast.Lambda):
        return reader.returned(node.func, {}, frame)
    known = _builtin(reader, dotted, node, frame)
    if known is not None:
        return known
    if isinstance(node.func, ast.Attribute):
        return _method(reader, node, node.func, frame)
    return _unknown(reader, node, frame)


def _own(reader: Reader, node: ast.Call, frame: Frame) -> Iterator[Function]:
    """The program's own functions that this may call."""
    program, func = reader.program, node.func
    if isinstance(func, ast.Name):
        known = (scope.functions[func.id] for scope in outwards(frame.scope) if func.id in scope.functions)
        yield from islice(known, 1)
    elif isinstance(func, ast.Attribute):
        root = func.value.id if isinstance(func.value, ast.Name) else ""
        if root in {"self", "cls"} or not (root in program.imports or func.attr in _OF_TEXTS):
            yield from methods(reader, func.attr, frame, own=root in {"self", "cls"})


def _returned(reader: Reader, function: Function, node: ast.Call, frame: Frame) -> Text:
    """What it gives back for these arguments."""
    method = bool(reader.program.class_of(function))
    arguments: dict[str, Text] = {}
    for parameter in reader.program.scopes[function].parameters:
        value = argument(node, function, parameter.arg, bound=method)
        if value is not None:
            arguments[parameter.arg] = reader.read(value, frame)
    return reader.returned(function, arguments, frame)


def _builtin(reader: Reader, dotted: str, node: ast.Call, frame: Frame) -> Text | None:
    """What a function of the library makes of its arguments; None if it is none that is known."""
    if dotted in {"json.dumps", "orjson.dumps", "ujson.dumps"}:
        return _json(reader, node, frame)
    if dotted == "sorted":
        return ordered(_arguments(reader, node, frame))
    if dotted in {"set", "frozenset"}:
        return (Bit(kind=SET, node=node, raw=True), *_arguments(reader, node, frame)) if node.args else ()
    if dotted in _AS_IT_IS:
        return gone_through(_arguments(reader, node, frame))
    if dotted in _NO_TEXT:
        return ordered(changing(_arguments(reader, node, frame)))
    return None


def _method(reader: Reader, node: ast.Call, func: ast.Attribute, frame: Frame) -> Text:
    """``value.method(...)``: of a text, of a set, of a clock."""

    def read(value: ast.expr) -> Text:
        return reader.read(value, frame)

    text = read(func.value)
    named = _by_keyword(node, read)
    match func.attr:
        case "format":
            return formats.braces(text, node.args, named, read)
        case "format_map" | "substitute" | "safe_substitute":
            fill = formats.placeholders if func.attr == "format_map" else formats.dollars
            return fill(text, _of_first(node, read) or named)
        case "join":
            return gone_through(joined(read(value) for value in node.args))
        case "replace" if len(node.args) > 1 and isinstance(node.args[0], ast.Constant) and text:
            return formats.replaced(text, str(node.args[0].value), read(node.args[1]))
        case "strftime":
            return sources.as_formatted(changing(text), node.args)
        case "date":
            return tuple(b._replace(kind=sources.DATE) if b.kind == sources.CLOCK else b for b in changing(text))
        case name if name in _KEPT:
            return text
        case name if name in _SETS and any(bit.kind == SET for bit in text):
            return text
        case "get" | "pop" | "setdefault" if isinstance(written(func.value, frame), ast.Dict):
            return (
                read(ast.copy_location(ast.Subscript(func.value, node.args[0], ast.Load()), node)) if node.args else ()
            )
    return _unknown(reader, node, frame)


def _unknown(reader: Reader, node: ast.Call, frame: Frame) -> Text:
    """Of a function that is not in this file: what changes in what it gets. Who makes prompts keeps the text."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    inside = _arguments(reader, node, frame)
    if name in _MAKERS:
        return inside
    holder = changing(reader.read(node.func.value, frame)) if isinstance(node.func, ast.Attribute) else ()
    return holder + tuple(bit for bit in changing(inside) if not (bit.weak or bit.raw or bit.kind in _ONLY_A_WAY))


def _arguments(reader: Reader, node: ast.Call, frame: Frame) -> Text:
    return joined(reader.read(value, frame) for value in (*node.args, *(k.value for k in node.keywords)))


def _by_keyword(node: ast.Call, read: formats.Read) -> formats.Named:
    values = {keyword.arg: keyword.value for keyword in node.keywords}
    return lambda name: read(values[name]) if name in values else None


def _of_first(node: ast.Call, read: formats.Read) -> formats.Named | None:
    """The values in the dict that is the first argument."""
    if not node.args or not isinstance(node.args[0], ast.Dict):
        return None
    return formats.of_dict(node.args[0], read).get


def _json(reader: Reader, node: ast.Call, frame: Frame) -> Text:
    """``json.dumps``: keys in the order in which they came, unless it sorts them."""
    inside = reader.read(node.args[0], frame) if node.args else ()
    if _sorts(node):
        return inside
    held = written(node.args[0], frame) if node.args else None
    return inside if held is None or _in_order(held, reader, frame) else (*inside, Bit(kind=KEYS, node=node))


def _sorts(node: ast.Call) -> bool:
    sort = next((k.value for k in node.keywords if k.arg == "sort_keys"), None)
    options = any(k.arg == "option" and "OPT_SORT_KEYS" in ast.unparse(k.value) for k in node.keywords)
    return options or (sort is not None and not (isinstance(sort, ast.Constant) and not sort.value))


def _in_order(node: ast.expr, reader: Reader, frame: Frame) -> bool:
    """Whether the keys of a value are known to come in one order: it is written out in the program, made elsewhere as
    a constant, or a schema."""
    match node:
        case ast.Dict(keys=keys, values=values):
            spread = [value for key, value in zip(keys, values, strict=True) if key is None]
            return all(_in_order(value, reader, frame) for value in spread)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return all(_in_order(element, reader, frame) for element in elements)
        case ast.Constant() | ast.JoinedStr() | ast.Attribute() | ast.ListComp():
            return True
        case ast.Name(id=name):
            return not _comes_in(name, frame)
        case ast.Call(func=func):
            last = reader.program.dotted(func).rpartition(".")[2] or getattr(func, "attr", "")
            own = bool(list(_own(reader, node, frame)))
            return own or last in _SCHEMAS or last in {"sorted", "str", "list", "asdict", "dict"} - _spread(node)
    return False


def _spread(node: ast.Call) -> set[str]:
    """``dict(**unknown)`` is in whatever order that comes."""
    return {"dict"} if any(k.arg is None for k in node.keywords) else set()


def _comes_in(name: str, frame: Frame) -> bool:
    """Whether a name is a parameter, of which nothing is known here."""
    for scope in outwards(frame.scope):
        if scope.bindings.get(name):
            return False
        if name in scope.gathered or any(p.arg == name for p in scope.parameters):
            return name not in frame.arguments
    return False
