"""One line for each request: who asked for what, what came of it, and how long it took."""

from __future__ import annotations

import structlog

from gigbook.application.api.request import Request

log: structlog.stdlib.BoundLogger = structlog.get_logger("gigbook.request")


def write(request: Request, status: int, seconds: float) -> None:
    """Log the request. The query string stays out: it may hold names and addresses of people."""
    path: bytes = request.scope["raw_path"]
    try:
        log.info(
            "request",
            id=request.id,
            method=request.method,
            path=path.decode("latin-1"),
            status=status,
            ms=round(seconds * 1000, 3),
        )
    except OSError:
        # Whoever read the log is gone, or its disk is full. Clients are served all the same.
        return
