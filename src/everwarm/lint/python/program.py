"""A program's names: its functions, classes and scopes, and what is bound to what."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Function = ast.FunctionDef | ast.AsyncFunctionDef
_Within = ast.Module | Function | ast.ClassDef | ast.Lambda
_UNCERTAIN = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.Match, ast.ExceptHandler)


class Binding(NamedTuple):
    """One statement that gives a name a value."""

    line: int
    how: Literal["set", "add", "each"]  # =; += and .append(); the variable of a loop over it
    value: ast.expr
    certain: bool  # it is reached whenever its scope is


@dataclass(eq=False, slots=True)
class Scope:
    """A module, class or function."""

    node: _Within
    parent: Scope | None
    bindings: dict[str, list[Binding]] = field(default_factory=lambda: defaultdict(list))
    functions: dict[str, Function] = field(default_factory=dict)
    returns: list[ast.expr] = field(default_factory=list)

    @property
    def parameters(self) -> list[ast.arg]:
        """Those of a function, in order; without ``*args`` and ``**kwargs``."""
        if isinstance(self.node, ast.Module | ast.ClassDef):
            return []
        a = self.node.args
        return [*a.posonlyargs, *a.args, *a.kwonlyargs]

    @property
    def gathered(self) -> set[str]:
        """The names of ``*args`` and ``**kwargs``."""
        if isinstance(self.node, ast.Module | ast.ClassDef):
            return set()
        return {a.arg for a in (self.node.args.vararg, self.node.args.kwarg) if a}


class Program:
    """A parsed file, and what is where."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self.scopes: dict[ast.AST, Scope] = {}
        self.imports: dict[str, str] = {}
        self.calls: dict[str, list[ast.Call]] = defaultdict(list)
        self.attributes: dict[str, list[tuple[ast.AST, ast.expr]]] = defaultdict(list)  # by name: class, value
        self.holders_of_method: dict[str, list[Scope]] = defaultdict(list)
        self.root = self._scope(tree, None)
        for node in ast.walk(tree):
            self._enter(node)

    def scope_of(self, node: ast.AST) -> Scope:
        """The innermost one that holds a node."""
        while node not in self.scopes:
            node = self.parents[node]
        return self.scopes[node]

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """What a node stands in, from the inside."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def dotted(self, node: ast.AST) -> str:
        """The full name of what ``a.b.c`` says, imports resolved; "" for what is no such name."""
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.imports.get(node.id, node.id), *reversed(names)])

    def class_of(self, function: Function) -> str:
        """The name of the class that a method belongs to, "" for a function."""
        holder = self.parents[function]
        return holder.name if isinstance(holder, ast.ClassDef) else ""

    def _scope(self, node: _Within, parent: Scope | None) -> Scope:
        """This one and those within, so that a scope is there before what stands in it."""
        scope = self.scopes[node] = Scope(node, parent)
        todo = list(ast.iter_child_nodes(node))
        while todo:
            child = todo.pop()
            if isinstance(child, Function | ast.ClassDef | ast.Lambda):
                self._scope(child, scope)
            else:
                todo += ast.iter_child_nodes(child)
        return scope

    def _enter(self, node: ast.AST) -> None:
        match node:
            case ast.Import() | ast.ImportFrom():
                self._import(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node)
            case ast.Return(value=ast.expr() as value):
                self.scope_of(node).returns.append(value)
            case ast.Assign():
                for target in node.targets:
                    self._bind(target, node.value, "set")
            case ast.AnnAssign(value=ast.expr() as value) | ast.NamedExpr(value=value):
                self._bind(node.target, value, "set")
            case ast.AugAssign(op=ast.Add()):
                self._bind(node.target, node.value, "add")
            case ast.For() | ast.AsyncFor():
                self._bind(node.target, node.iter, "each")
            case ast.Call():
                self._call(node)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if isinstance(node, ast.Import):
                name = alias.asname or alias.name.partition(".")[0]
                self.imports[name] = alias.name if alias.asname else name
            else:
                self.imports[alias.asname or alias.name] = f"{node.module or '.'}.{alias.name}"

    def _function(self, node: Function) -> None:
        holder = self.scope_of(self.parents[node])
        holder.functions[node.name] = node
        if isinstance(holder.node, ast.ClassDef):
            self.holders_of_method[node.name].append(holder)

    def _call(self, node: ast.Call) -> None:
        match node.func:
            case ast.Name(id=name):
                self.calls[name].append(node)
            case ast.Attribute(value=ast.Name() as held, attr="append" | "extend" | "insert" | "add") if node.args:
                self._bind(held, node.args[-1], "add")
            case ast.Attribute(attr=name):
                self.calls[name].append(node)

    def _bind(self, target: ast.expr, value: ast.expr, how: Literal["set", "add", "each"]) -> None:
        match target:
            case ast.Name(id=name):
                scope = self.scope_of(target)
                certain = not any(isinstance(n, _UNCERTAIN) for n in self._between(target, scope.node))
                scope.bindings[name].append(Binding(target.lineno, how, value, certain))
                if isinstance(scope.node, ast.ClassDef):
                    self.attributes[name].append((scope.node, value))
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                holder = next((n for n in self.around(target) if isinstance(n, ast.ClassDef)), self.tree)
                self.attributes[name].append((holder, value))
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                values = value.elts if isinstance(value, ast.Tuple) and len(value.elts) == len(targets) else None
                for index, each in enumerate(targets):
                    self._bind(each, values[index] if values else value, how if values else "each")

    def _between(self, node: ast.AST, outer: ast.AST) -> Iterator[ast.AST]:
        for holder in self.around(node):
            if holder is outer:
                return
            yield holder
