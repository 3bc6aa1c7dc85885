"""What can be done at a path: a method, the handler that does it, and how its body and parameters are read.

    Endpoint(
        "/api/customers/{id}",
        get(show_customer),
        put(replace_customer, CustomerDraft, RULES),
    )

The handler's signature and docstring are also its documentation: `openapi` reads the statuses from the outcomes that it
may answer with.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeVar, overload

from msgspec import Struct, structs

from gigbook.application.api.bodies import JSON_TYPES, MERGE_PATCH_TYPES, Body
from gigbook.application.api.parameters import Query
from gigbook.application.api.request import Request
from gigbook.application.api.responses import Outcome
from gigbook.business.rules import Rule

B = TypeVar("B", bound=Struct)
Q = TypeVar("Q", bound=Struct)
Run: TypeAlias = Callable[[Request], Awaitable[Outcome]]

NO_RULES: Final[Mapping[str, Rule]] = {}
NO_TEXTS: Final[Mapping[int, str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. `run` is all that a request needs; the rest is for the documentation."""

    method: str
    run: Run
    handler: Callable[..., Awaitable[Outcome]]
    body: type[Struct] | None = None
    body_types: Sequence[str] = ()
    needs_body: bool = False
    query: type[Struct] | None = None
    texts: Mapping[int, str] = field(default_factory=dict[int, str])
    """Statuses that answer with something else than JSON, each with its content type."""


@overload
def get(handler: Run, /, *, texts: Mapping[int, str] = NO_TEXTS) -> Operation: ...
@overload
def get(
    handler: Callable[[Request, Q], Awaitable[Outcome]], query: type[Q], rules: Mapping[str, Rule] = NO_RULES, /
) -> Operation: ...
def get(
    handler: Callable[..., Awaitable[Outcome]],
    query: type[Struct] | None = None,
    rules: Mapping[str, Rule] = NO_RULES,
    /,
    *,
    texts: Mapping[int, str] = NO_TEXTS,
) -> Operation:
    """Read something; HEAD asks for the same without the body."""
    if query is None:
        return Operation(method="GET", run=handler, handler=handler, texts=texts)
    read = Query(query, rules).read

    async def run(request: Request) -> Outcome:
        return await handler(request, read(request))

    return Operation(method="GET", run=run, handler=handler, query=query)


@overload
def post(handler: Run, /) -> Operation: ...
@overload
def post(
    handler: Callable[[Request, B], Awaitable[Outcome]], body: type[B], rules: Mapping[str, Rule] = NO_RULES, /
) -> Operation: ...
def post(
    handler: Callable[..., Awaitable[Outcome]],
    body: type[Struct] | None = None,
    rules: Mapping[str, Rule] = NO_RULES,
    /,
) -> Operation:
    """Make something new, or do something; where every field of the body has a default, it may be left out."""
    if body is None:
        return Operation(method="POST", run=handler, handler=handler)
    optional = not any(field.required for field in structs.fields(body))
    return _with_body("POST", handler, Body(body, rules, JSON_TYPES, body() if optional else None))


def put(
    handler: Callable[[Request, B], Awaitable[Outcome]], body: type[B], rules: Mapping[str, Rule] = NO_RULES, /
) -> Operation:
    """Replace something."""
    return _with_body("PUT", handler, Body(body, rules, JSON_TYPES))


def patch(
    handler: Callable[[Request, B], Awaitable[Outcome]], body: type[B], rules: Mapping[str, Rule] = NO_RULES, /
) -> Operation:
    """Change a part of something."""
    return _with_body("PATCH", handler, Body(body, rules, MERGE_PATCH_TYPES))


def delete(handler: Run, /) -> Operation:
    """Remove something."""
    return Operation(method="DELETE", run=handler, handler=handler)


def _with_body(method: str, handler: Callable[[Request, B], Awaitable[Outcome]], body: Body[B]) -> Operation:
    async def run(request: Request) -> Outcome:
        return await handler(request, await body.read(request))

    return Operation(
        method=method,
        run=run,
        handler=handler,
        body=body.shape,
        body_types=body.types,
        needs_body=body.default is None,
    )
