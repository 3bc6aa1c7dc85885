"""Lists, page after page, as a client walks through them."""

from __future__ import annotations

from typing import Any

import httpx

Json = dict[str, Any]


async def pages(api: httpx.AsyncClient, first: str) -> list[list[Json]]:
    """Every page from the first on, by the addresses that they lead to."""
    found: list[list[Json]] = []
    address: str | None = first
    while address is not None:
        response = await api.get(address)
        assert response.status_code == 200, response.text
        found.append(response.json())
        address = response.links["next"]["url"] if "next" in response.links else None
    return found
