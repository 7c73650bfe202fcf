"""Where prompts stand in a program: arguments, messages, variables and functions by whose names one knows them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from everwarm.lint.python.program import Function, Program

Tier = Literal["tools", "system", "user"]

_ARGUMENTS: Final[dict[str, Tier]] = {
    "system": "system",
    "instructions": "system",
    "system_prompt": "system",
    "system_message": "system",
    "system_instruction": "system",
    "developer": "system",
    "tools": "tools",
    "functions": "tools",
    "prompt": "user",
}
_ROLES: Final[dict[str, Tier]] = {"system": "system", "developer": "system", "user": "user", "human": "user"}
_CLASSES: Final[dict[str, Tier]] = {
    "SystemMessage": "system",
    "DeveloperMessage": "system",
    "ChatCompletionSystemMessageParam": "system",
    "HumanMessage": "user",
    "UserMessage": "user",
}
_TEMPLATES: Final[dict[str, Tier]] = {
    "SystemMessagePromptTemplate": "system",
    "HumanMessagePromptTemplate": "user",
    "PromptTemplate": "user",
    "ChatPromptTemplate": "user",
}
_NAMED_SO: Final = re.compile(
    r"_*(?:\w+_)?(?:system|developer|sys)_?(?:prompt|message|instructions?|text)(?:_\w+)?", re.I
)
_BODY: Final = {"model", "messages", "input", "max_tokens"}  # members by which a dict is known for a request


class Sink(NamedTuple):
    """One prompt, or a part of it."""

    value: ast.expr | Function  # what makes it; of a function, what it gives back
    tier: Tier
    name: str  # what it is called in a message: ``system=``
    filled_later: bool = False  # a framework fills its ``{places}``


def sinks(program: Program) -> Iterator[Sink]:
    """All of a program; the same text can be in several."""
    for node in ast.walk(program.tree):
        match node:
            case ast.Call():
                yield from _of_call(node, program)
            case ast.Dict():
                yield from _of_dict(node)
            case ast.Tuple(elts=[ast.Constant(value=str(role)), value]) if role in _ROLES:
                yield Sink(value, _ROLES[role], f'("{role}", ...)', filled_later=True)
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value):
                yield from _of_assignment(target, value)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _of_function(node)


def _of_call(node: ast.Call, program: Program) -> Iterator[Sink]:
    name = _last(node.func)
    holder = _last(node.func.value) if isinstance(node.func, ast.Attribute) else ""
    given = {k.arg: k.value for k in node.keywords if k.arg}
    for argument, value in given.items():
        if argument in _ARGUMENTS:
            yield Sink(_function(value, program) or value, _ARGUMENTS[argument], f"{argument}=")
    content = given.get("content") or (node.args[0] if node.args else None)
    role = given.get("role")
    if name in _CLASSES and content:
        yield Sink(content, _CLASSES[name], f"{name}()")
    elif isinstance(role, ast.Constant) and role.value in _ROLES and "content" in given:
        yield Sink(given["content"], _ROLES[role.value], f'role="{role.value}"')
    template = given.get("template") or (node.args[0] if node.args and name == "from_template" else None)
    maker = holder if name == "from_template" else name
    if maker in _TEMPLATES and template:
        yield Sink(template, _TEMPLATES[maker], f"{maker}", filled_later=True)
    if name == "static" and node.args and "Prompt" in program.imports:
        yield Sink(node.args[0], "system", "static()")
    if name == "create" and holder == "responses" and "input" in given:
        yield Sink(given["input"], "user", "input=")


def _of_dict(node: ast.Dict) -> Iterator[Sink]:
    pairs = zip(node.keys, node.values, strict=True)
    members = {key.value: value for key, value in pairs if isinstance(key, ast.Constant)}
    role, content = members.get("role"), members.get("content")
    if isinstance(role, ast.Constant) and role.value in _ROLES and content:
        yield Sink(content, _ROLES[role.value], f"the {role.value} message")
    if len(_BODY & members.keys()) > 1 or ("model" in members and "tools" in members):
        for name, value in members.items():
            if name in _ARGUMENTS and name != "prompt":
                yield Sink(value, _ARGUMENTS[name], f'"{name}"')


def _of_assignment(target: ast.expr, value: ast.expr) -> Iterator[Sink]:
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name) if _NAMED_SO.fullmatch(name) or name == "SYSTEM":
            yield Sink(value, "system", name)
        case ast.Subscript(slice=ast.Constant(value="system" | "instructions" as name)):
            yield Sink(value, "system", f'["{name}"]')


def _of_function(node: Function) -> Iterator[Sink]:
    decorated = any(_last(d) in {"system_prompt", "instructions"} for d in node.decorator_list)
    if decorated or _NAMED_SO.fullmatch(node.name):
        yield Sink(node, "system", f"{node.name}()")


def _function(value: ast.expr, program: Program) -> Function | None:
    """The function that a framework calls for the text: ``instructions=make_instructions``."""
    if not isinstance(value, ast.Name):
        return None
    return program.scope_of(value).functions.get(value.id) or program.root.functions.get(value.id)


def _last(node: ast.expr) -> str:
    """The last word of a name, or of the name that is called."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case ast.Call(func=func):
            return _last(func)
    return ""
