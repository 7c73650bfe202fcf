"""What a provider says of a prompt's tokens, beside the prompt: so that those of others can be estimated."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from everwarm.core.extent import Extent, extent_of
from everwarm.core.wire import Request
from everwarm.errors import ClientError
from everwarm.gateway.ask import aside, request_of
from everwarm.gateway.run import Run


async def learn(run: Run) -> None:
    """From a request whose answer is out. Nothing, if nobody was asked, or if nothing of it may be noted."""
    house, ask, usage = run.house, run.ask, run.usage
    if run.arrangement.mode == "off" or run.life.cache not in ("miss", "bypass"):
        return
    space, model = ask.caller.space.id, ask.question.target.model
    if usage is None or not ask.control.rest or not house.counter.wants(space, model):
        return
    extent = await aside(house, ask.data, _extent, run)
    if extent is not None:
        house.counter.learn(space, model, extent, usage.prompt)


def _extent(run: Run) -> Extent | None:
    """Of the whole prompt as it was sent; None if there is something in it that is not text."""
    try:
        request = run.request() if run.arrangement.sent is run.ask.data else request_of(run.ask, run.arrangement.sent)
    except ClientError:  # an upstream knows more than we do
        return None
    if not _is_text(request):
        return None
    return extent_of(_texts(request), len(request.messages))


def _is_text(request: Request) -> bool:
    parts = all(part.text is not None for message in request.messages for part in message.parts)
    calls = all(call.name is not None for message in request.messages for call in message.calls or ())
    return parts and calls and all(tool.name is not None for tool in request.tools or ())


def _texts(request: Request) -> Iterator[str]:
    """All that the model reads, except how it is framed."""
    yield request.prompt or ""
    for tool in request.tools or ():
        yield from (tool.name or "", tool.description or "")
        if tool.parameters is not None:
            yield orjson.dumps(tool.parameters).decode()
    for message in request.messages:
        yield from (part.text or "" for part in message.parts)
        yield from (text for call in message.calls or () for text in (call.name or "", call.arguments))
