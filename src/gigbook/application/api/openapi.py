"""The OpenAPI 3.1 document, made from the routes themselves.

Paths and methods come from the endpoints, schemas from the structs, the statuses from the outcomes that a handler may
answer with, and the words from the docstrings. So the document cannot promise what the code does not do.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from gigbook.application.api import server_sent
from gigbook.application.api.answers import Content, Created, ErrorBody, Listing, phrase
from gigbook.application.api.endpoint import Endpoint
from gigbook.application.api.event_stream import EventStream
from gigbook.application.api.failures import STATUS
from gigbook.application.api.operations import Operation
from gigbook.business.ids import HIGHEST_ID
from gigbook.business.refusals import Changed, KeyReused
from gigbook.business.versions import Versioned

Node: TypeAlias = dict[str, object]

ALWAYS: Final = (500, 503, 504)
_ANY_TEXT: Final[Mapping[str, object]] = {}
WITH_BODY: Final = (400, 413, 415)


def document(title: str, version: str, endpoints: Sequence[Endpoint]) -> Node:
    """The whole document for these endpoints."""
    schemas = _Schemas(endpoints)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": {
            endpoint.path: {
                operation.method.lower(): _operation(endpoint.path, operation, schemas)
                for operation in endpoint.operations.values()
            }
            for endpoint in endpoints
        },
        "components": {"schemas": schemas.components},
    }


class _Schemas:
    """The JSON schemas of all the structs that the document mentions."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        operations = [operation for endpoint in endpoints for operation in endpoint.operations.values()]
        bodies = [operation.body for operation in operations if operation.body]
        answers = [shape for operation in operations for outcome in _outcomes(operation) for shape in get_args(outcome)]
        shapes = list(dict.fromkeys([ErrorBody, *bodies, *answers]))
        made, self.components = msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")
        self._made = dict(zip(shapes, made, strict=True))

    def of(self, shape: type[Struct]) -> Node:
        """A reference to the schema of the struct."""
        schema: Node = self._made[shape]
        return schema


def _operation(path: str, operation: Operation, schemas: _Schemas) -> Node:
    summary, _, description = inspect.cleandoc(operation.handler.__doc__ or "").partition("\n\n")
    node: Node = {
        "operationId": operation.handler.__name__,
        "summary": summary.removesuffix("."),
        "description": " ".join(description.split()),
        "tags": [path.removeprefix("/api").split("/")[1]],
        "parameters": [*_in_path(path), *_in_query(operation), *_in_headers(operation)],
        "responses": _responses(operation, schemas),
    }
    if operation.body:
        content = {"schema": schemas.of(operation.body)}
        contents = dict.fromkeys(operation.body_types, content)
        node["requestBody"] = {"required": operation.needs_body, "content": contents}
    return node


def _in_path(path: str) -> Iterator[Node]:
    for name in re.findall("{(.*?)}", path):
        schema = {"type": "integer", "minimum": 1, "maximum": HIGHEST_ID}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(operation: Operation) -> Iterator[Node]:
    if operation.query:
        properties: Mapping[str, Node] = msgspec.json.schema_components([operation.query])[1][operation.query.__name__][
            "properties"
        ]
        for name, schema in properties.items():
            yield {"name": name, "in": "query", "description": schema.pop("description", ""), "schema": schema}


def _in_headers(operation: Operation) -> Iterator[Node]:
    outcomes = _outcomes(operation)
    if Changed in outcomes:
        yield _header("If-Match", "Do it only if the ETag is still this one.")
    if KeyReused in outcomes:
        yield _header("Idempotency-Key", "Makes it safe to send the request again.", {"pattern": "^[!-~]{1,255}$"})
    if operation.method == "GET" and any(get_args(outcome) or outcome is Content for outcome in outcomes):
        yield _header("If-None-Match", "Answer 304 if the ETag is still this one.")


def _header(name: str, description: str, limits: Mapping[str, object] = _ANY_TEXT) -> Node:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string", **limits}}


def _responses(operation: Operation, schemas: _Schemas) -> Node:
    errors = {*ALWAYS, *(status for refusal, status in STATUS.items() if refusal in _outcomes(operation))}
    errors |= {*WITH_BODY} if operation.body else set()
    errors |= {400} if operation.query or KeyReused in _outcomes(operation) else set()
    reasons = _reasons(operation)
    responses = {status: _problem(status, reasons, schemas) for status in errors - operation.texts.keys()}
    responses |= {status: _text(status, kind) for status, kind in operation.texts.items()}
    for outcome in _outcomes(operation):
        responses |= _success(outcome, operation, schemas)
    return {str(status): responses[status] for status in sorted(responses)}


def _success(outcome: object, operation: Operation, schemas: _Schemas) -> dict[int, Node]:
    shape = get_args(outcome)[0] if get_args(outcome) else ErrorBody
    match get_origin(outcome) or outcome:
        case kind if kind is Versioned:
            known = {304: _response(304, _ETAG)} if operation.method == "GET" else {}
            return {200: _response(200, _ETAG, schemas.of(shape)), **known}
        case kind if kind is Listing:
            page: Node = {"type": "array", "items": schemas.of(shape)}
            return {200: _response(200, _PAGE, page), 304: _response(304, _PAGE)}
        case kind if kind is Created:
            return {201: _response(201, _CREATED, schemas.of(shape))}
        case kind if kind is Content:
            return {304: _response(304, _DIGEST)}
        case kind if kind is EventStream:
            return {200: _text(200, server_sent.MEDIA_TYPE)}
        case types.NoneType:
            return {204: _response(204, {})}
        case _:
            return {}


def _response(status: int, headers: Mapping[str, str], schema: Node | None = None) -> Node:
    node: Node = {"description": phrase(status)}
    if headers:
        node["headers"] = {
            name: {"description": description, "schema": {"type": "string"}} for name, description in headers.items()
        }
    if schema:
        node["content"] = {"application/json": {"schema": schema}}
    return node


def _reasons(operation: Operation) -> Mapping[int, str]:
    """Why the operation may be refused with each status: the first lines of what the refusals say of themselves."""
    found: dict[int, list[str]] = {}
    for refusal, status in STATUS.items():
        if refusal in _outcomes(operation):
            found.setdefault(status, []).append(inspect.cleandoc(refusal.__doc__ or "").partition("\n")[0])
    return {status: " ".join(lines) for status, lines in found.items()}


def _problem(status: int, reasons: Mapping[int, str], schemas: _Schemas) -> Node:
    headers = {"Retry-After": "Seconds after which to try again."} if status == 503 else {}
    node = _response(status, headers, schemas.of(ErrorBody))
    return {**node, "description": reasons.get(status) or phrase(status)}


def _text(status: int, kind: str) -> Node:
    return {"description": phrase(status), "content": {kind: {"schema": {"type": "string"}}}}


def _outcomes(operation: Operation) -> tuple[object, ...]:
    """What the handler may answer with, by its signature."""
    declared = get_type_hints(operation.handler)["return"]
    return get_args(declared) if get_origin(declared) in (Union, types.UnionType) else (declared,)


_ETAG: Final = {"ETag": "The version of what is shown."}
_DIGEST: Final = {"ETag": "A digest of what is shown."}
_PAGE: Final = {
    **_DIGEST,
    "Link": "Where the next page is, if there is one.",
    "X-Total-Count": "The length of the whole list, if that was asked for.",
}
_CREATED: Final = {**_ETAG, "Location": "Where it is.", "Idempotency-Replayed": "true, if it was made before."}
