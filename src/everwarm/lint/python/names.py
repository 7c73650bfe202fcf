"""What a name stands for: a variable, a parameter, an attribute."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from everwarm.lint.python import sources
from everwarm.lint.python.frame import Frame, Reader
from everwarm.lint.python.program import Binding, Function, Scope
from everwarm.lint.python.text import Bit, Text, changing, gone_through, joined, worst

_WAYS = 4  # values that a variable may have, as far as they are told apart


def read_name(reader: Reader, node: ast.Name, frame: Frame) -> Text:
    """What a variable holds where it is read."""
    for scope in outwards(frame.scope):
        here = scope is frame.scope
        bound = scope.bindings.get(node.id)
        if bound:
            inner = frame if here else Frame(scope, depth=frame.depth + 1)
            return _held(reader, bound, node, inner, here=here)
        if here and node.id in frame.arguments:
            return frame.arguments[node.id]
        if any(parameter.arg == node.id for parameter in scope.parameters):
            return _given(reader, scope, node, frame)
        if node.id in scope.gathered:
            return ()
    return () if node.id in reader.program.imports else _by_name(node, node.id)


def read_attribute(reader: Reader, node: ast.Attribute, frame: Frame) -> Text:
    """``self.x``: what a method puts there, or a property makes; of other values what changes in the whole."""
    if isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}:
        return _own(reader, node, frame) or _made(reader, node, frame) or _by_name(node, node.attr)
    text = changing(reader.read(node.value, frame))
    if node.attr in {"year", "month", "day"}:
        text = tuple(bit._replace(kind=sources.DATE) if bit.kind == sources.CLOCK else bit for bit in text)
    strong = tuple(bit for bit in text if not bit.weak)
    return strong or _made(reader, node, frame) or _by_name(node, node.attr)


def written(node: ast.expr, frame: Frame) -> ast.expr:
    """The expression that a name stands for, if it is given a value once; else the name."""
    if isinstance(node, ast.Name):
        for scope in outwards(frame.scope):
            bound = scope.bindings.get(node.id)
            if bound:
                return bound[0].value if len(bound) == 1 and bound[0].how == "set" else node
    return node


def callers(reader: Reader, function: Function, name: str, frame: Frame) -> Iterator[Text]:
    """What calls within the file give for a parameter."""
    program = reader.program
    method = program.class_of(function)
    for call in program.calls.get(method if function.name == "__init__" else function.name, ()):
        value = argument(call, function, name, bound=bool(method))
        if value is not None:
            yield reader.read(value, Frame(program.scope_of(call), depth=frame.depth + 1))


def argument(call: ast.Call, function: Function, name: str, *, bound: bool) -> ast.expr | None:
    """The expression that a call gives for a parameter, else its default; None if neither is known.

    ``bound``: it is called as a method, so that its first parameter is not among the arguments.
    """
    named = next((k.value for k in call.keywords if k.arg == name), None)
    if named is not None:
        return named
    places = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list)
    at = places.index(name) - int(bound and not static) if name in places else -1
    if 0 <= at < len(call.args) and not any(isinstance(a, ast.Starred) for a in call.args[: at + 1]):
        return call.args[at]
    return _default(function, name)


def _default(function: Function, name: str) -> ast.expr | None:
    a = function.args
    places = [*a.posonlyargs, *a.args]
    known = dict(zip([p.arg for p in places[len(places) - len(a.defaults) :]], a.defaults, strict=True))
    return known.get(name) or next((d for p, d in zip(a.kwonlyargs, a.kw_defaults, strict=True) if p.arg == name), None)


def outwards(scope: Scope) -> Iterator[Scope]:
    """The scopes in which a name is looked for; a class does not lend its names to its methods."""
    yield scope
    outer = scope.parent
    while outer:
        if not isinstance(outer.node, ast.ClassDef):
            yield outer
        outer = outer.parent


def _held(reader: Reader, bound: list[Binding], node: ast.Name, frame: Frame, *, here: bool) -> Text:
    """Statement after statement: those before the place where it is read, if they are in the same scope."""
    bound = sorted(bound, key=lambda binding: binding.line)
    before = [b for b in bound if b.line < node.lineno] if here else bound
    ways: list[Text] = [frame.arguments.get(node.id, ())]
    for binding in before or bound:
        text = reader.read(binding.value, frame)
        if binding.how == "add":
            ways = [joined((way, text)) for way in ways]
        else:
            text = gone_through(changing(text)) if binding.how == "each" else text
            ways = [text] if binding.certain else [text, *ways][:_WAYS]
    return worst(ways)


def _given(reader: Reader, scope: Scope, node: ast.Name, frame: Frame) -> Text:
    """What callers give for a parameter; else what its name makes one think."""
    known: Text = ()
    if isinstance(scope.node, Function):
        known = worst(callers(reader, scope.node, node.id, frame))
    return known or _by_name(node, node.id)


def methods(reader: Reader, name: str, frame: Frame, *, own: bool) -> list[Function]:
    """Those of this name: of the class whose method is being read, if it has one and ``own`` is set, else of all."""
    holders = reader.program.holders_of_method.get(name, [])
    mine = [h for h in holders if own and h.node is _class_around(frame.scope)]
    return [holder.functions[name] for holder in mine or holders]


def _own(reader: Reader, node: ast.Attribute, frame: Frame) -> Text:
    given = reader.program.attributes.get(node.attr, [])
    mine = [value for holder, value in given if holder is _class_around(frame.scope)]
    values = mine or [value for _, value in given]
    return worst(reader.read(v, Frame(reader.program.scope_of(v), depth=frame.depth + 1)) for v in values)


def _class_around(scope: Scope) -> ast.ClassDef | None:
    outer: Scope | None = scope
    while outer and not isinstance(outer.node, ast.ClassDef):
        outer = outer.parent
    return outer.node if outer and isinstance(outer.node, ast.ClassDef) else None


def _made(reader: Reader, node: ast.Attribute, frame: Frame) -> Text:
    own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
    made = (f for f in methods(reader, node.attr, frame, own=own) if _is_property(f))
    return worst(reader.returned(function, {}, frame) for function in made)


def _is_property(function: Function) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in function.decorator_list)


def _by_name(node: ast.expr, name: str) -> Text:
    return (Bit(kind="an id", node=node, weak=True),) if sources.sounds_like_one(name) else ()
