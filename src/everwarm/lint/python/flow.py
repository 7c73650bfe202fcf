"""From an expression to what is known of the text that it makes: through variables, helpers and methods of the file."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from everwarm.lint.python import formats, sources
from everwarm.lint.python.calls import read_call
from everwarm.lint.python.frame import Frame
from everwarm.lint.python.names import read_attribute, read_name, written
from everwarm.lint.python.program import Function, Program
from everwarm.lint.python.text import (
    ENVIRONMENT,
    SET,
    Bit,
    Text,
    changing,
    gone_through,
    in_hole,
    joined,
    repeated,
    worst,
)

_DEEPEST = 8  # calls within calls that are followed
_NESTED = 120  # expressions within each other that are looked into
_STEPS = 5_000  # expressions that are looked at for one text; what is beyond is unknown


class Flow:
    """Reads the expressions of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._steps = 0
        self._active: set[tuple[int, int]] = set()  # what is being read just now, so that a circle ends

    def text_at(self, node: ast.expr) -> Text:
        """What ``node`` makes, where it stands."""
        self._steps = 0
        return self.read(node, Frame(self.program.scope_of(node)))

    def returns_of(self, function: Function | ast.Lambda) -> Text:
        """What a function makes, with whatever arguments it is called in this file."""
        self._steps = 0
        return self.returned(function, {}, Frame(self.program.root))

    def read(self, node: ast.expr, frame: Frame) -> Text:
        """See ``Reader``."""
        self._steps += 1
        mark = id(node), frame.depth
        too_deep = frame.depth > _DEEPEST or len(self._active) > _NESTED
        if too_deep or self._steps > _STEPS or mark in self._active:
            return ()
        self._active.add(mark)
        try:
            return self._read(node, frame)
        finally:
            self._active.discard(mark)

    def returned(self, function: Function | ast.Lambda, arguments: Mapping[str, Text], frame: Frame) -> Text:
        """See ``Reader``."""
        inner = Frame(self.program.scopes[function], arguments, frame.depth + 1)
        if isinstance(function, ast.Lambda):
            return self.read(function.body, inner)
        return worst(self.read(value, inner) for value in inner.scope.returns)

    def _read(self, node: ast.expr, frame: Frame) -> Text:
        match node:
            case ast.Constant(value=value):
                return (Bit(str(value)),)
            case ast.Name() | ast.Attribute() if sources.of_name(self.program.dotted(node)) == ENVIRONMENT:
                return (Bit(kind=ENVIRONMENT, node=node),)
            case ast.Name():
                return read_name(self, node, frame)
            case ast.Attribute():
                return read_attribute(self, node, frame)
            case ast.Call():
                return read_call(self, node, frame)
            case ast.JoinedStr(values=values):
                return joined(self.read(value, frame) for value in values)
            case ast.FormattedValue():
                return self._formatted(node, frame)
            case ast.BinOp():
                return self._operation(node, frame)
            case ast.Await(value=value) | ast.Starred(value=value) | ast.NamedExpr(value=value):
                return self.read(value, frame)
            case ast.UnaryOp(operand=value):
                return changing(self.read(value, frame))
            case ast.Subscript():
                return self._item(node, frame)
        return self._chosen(node, frame)

    def _chosen(self, node: ast.expr, frame: Frame) -> Text:
        """What may be one or the other. Which of them it is may change too."""
        match node:
            case ast.IfExp(test=test, body=body, orelse=other):
                return worst([self.read(body, frame), self.read(other, frame)]) + changing(self.read(test, frame))
            case ast.BoolOp(values=values):
                return worst(self.read(value, frame) for value in values)
            case ast.Compare(left=left, comparators=others):
                compared = joined(self.read(each, frame) for each in (left, *others))
                return tuple(bit for bit in changing(compared) if bit.kind in {sources.CLOCK, sources.DATE})
        return self._gathered(node, frame)

    def _gathered(self, node: ast.expr, frame: Frame) -> Text:
        """Lists, dicts and sets, as the texts within; () for what makes no text."""
        match node:
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return joined(self.read(element, frame) for element in elements)
            case ast.Set(elts=elements):
                return self._set(node, joined(self.read(element, frame) for element in elements))
            case ast.Dict(keys=keys, values=values):
                pairs = zip(keys, values, strict=True)
                return joined(self.read(each, frame) for pair in pairs for each in pair if each is not None)
            case ast.ListComp(elt=element, generators=loops) | ast.GeneratorExp(elt=element, generators=loops):
                return self._loops(loops, frame) + self.read(element, frame)
            case ast.SetComp(elt=element, generators=loops):
                return (Bit(kind=SET, node=node, raw=True), *self._loops(loops, frame), *self.read(element, frame))
            case ast.DictComp(key=key, value=value, generators=loops):
                return self._loops(loops, frame) + self.read(key, frame) + self.read(value, frame)
        return ()

    def _set(self, node: ast.Set, elements: Text) -> Text:
        """Of a single element, or of whole numbers, the order is always the same."""
        single = len(node.elts) == 1 and not isinstance(node.elts[0], ast.Starred)
        numbers = all(isinstance(e, ast.Constant) and isinstance(e.value, int) for e in node.elts)
        return elements if single or numbers else (Bit(kind=SET, node=node, raw=True), *elements)

    def _loops(self, loops: list[ast.comprehension], frame: Frame) -> Text:
        return gone_through(joined(changing(self.read(loop.iter, frame)) for loop in loops))

    def _formatted(self, node: ast.FormattedValue, frame: Frame) -> Text:
        text = self.read(node.value, frame)
        if isinstance(node.format_spec, ast.JoinedStr):  # f"{now:%Y-%m-%d}"
            text = sources.as_formatted(text, node.format_spec.values)
        return in_hole(text, node)

    def _operation(self, node: ast.BinOp, frame: Frame) -> Text:
        if isinstance(node.op, ast.Add):
            return joined(self.read(term, frame) for term in _terms(node))
        left, right = self.read(node.left, frame), self.read(node.right, frame)
        if isinstance(node.op, ast.Mult):
            match node.left, node.right:  # "=" * 80
                case _, ast.Constant(value=int(times)):
                    return repeated(left, times)
                case ast.Constant(value=int(times)), _:
                    return repeated(right, times)
        if isinstance(node.op, ast.Mod) and any(bit.text for bit in left):
            return formats.percent(left, node.right, lambda value: self.read(value, frame))
        both = changing(left + right)
        if isinstance(node.op, ast.BitAnd | ast.BitOr | ast.BitXor | ast.Sub) and _views(node):
            return (Bit(kind=SET, node=node, raw=True), *both)
        return both

    def _item(self, node: ast.Subscript, frame: Frame) -> Text:
        """One value of a dict that is written out; else what changes in the whole."""
        table = written(node.value, frame)
        if isinstance(table, ast.Dict):
            same = [v for k, v in zip(table.keys, table.values, strict=True) if _equal(k, node.slice)]
            return worst(self.read(value, frame) for value in same or table.values)
        return tuple(bit._replace(node=node) if bit.kind == ENVIRONMENT else bit for bit in self._part(node, frame))

    def _part(self, node: ast.Subscript, frame: Frame) -> Text:
        return changing(self.read(node.value, frame))


def _terms(node: ast.expr) -> list[ast.expr]:
    """Of ``a + b + c``; texts are put together of hundreds."""
    terms: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        terms.append(node.right)
        node = node.left
    return [node, *reversed(terms)]


def _views(node: ast.BinOp) -> bool:
    """``a.keys() & b`` makes a set."""
    sides = (side.func for side in (node.left, node.right) if isinstance(side, ast.Call))
    return any(isinstance(func, ast.Attribute) and func.attr in {"keys", "items"} for func in sides)


def _equal(one: ast.expr | None, other: ast.expr) -> bool:
    return one is not None and ast.dump(one) == ast.dump(other)
