"""The page at /docs: it reads /openapi.json and lets people try the API, with nothing from anywhere else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files
from typing import Final

from gigbook.application.api.answers import Content
from gigbook.application.api.endpoint import Endpoint
from gigbook.application.api.operations import get
from gigbook.application.api.request import Request

_TYPES: Final = {
    "page.html": "text/html; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}

# Nothing on the page may come from, or go to, any other place than this server.
_POLICY: Final = (b"content-security-policy", b"default-src 'self'; base-uri 'none'; frame-ancestors 'none'")


def _serve(name: str) -> Callable[[Request], Awaitable[Content]]:
    async def show(_: Request) -> Content:
        return Content(_content(name), _TYPES[name], ((b"cache-control", b"no-cache"), _POLICY))

    return show


@cache
def _content(name: str) -> bytes:
    return files(__name__).joinpath(name).read_bytes()


ROUTES: Final = (
    Endpoint("/docs", get(_serve("page.html"))),
    *(Endpoint(f"/docs/{name}", get(_serve(name))) for name in _TYPES if name != "page.html"),
)
