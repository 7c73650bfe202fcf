"""What an answer is to be held to, as all protocols but for small differences say it: free text, JSON, or a schema."""

from __future__ import annotations

from everwarm.core.dialects.check import mapping, string
from everwarm.core.wire import Format, Json
from everwarm.errors import Unsupported


def read_format(value: Json, path: str, inner: str | None = None) -> Format | None:
    """The format that ``value`` describes; None for free text, and where nothing is said.

    ``inner`` is the member of ``value`` that holds the schema and its name, where they are not its own. Raises
    ``BadRequest`` with the path of what is wrong, ``Unsupported`` for a format of another type.
    """
    if value is None:
        return None
    kind = string(mapping(value, path).get("type"), f"{path}.type")
    if kind == "text":
        return None
    if kind == "json_object":
        return Format(None, path)
    if kind != "json_schema":
        raise Unsupported(f"{path}.type is none of text, json_object, json_schema.", param=path)
    where = path if inner is None else f"{path}.{inner}"
    holder = value if inner is None else mapping(value.get(inner), where)
    return Format(mapping(holder.get("schema"), f"{where}.schema"), path)
