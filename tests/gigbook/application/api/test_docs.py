from typing import Any

import httpx
import pytest

from tests.gigbook.browser import Browser, browsing
from tests.gigbook.conftest import Service

OPEN = "document.getElementById('%s').open = true;"
SEND = (
    OPEN
    + """
    const form = document.querySelector('#%s form');
    form.requestSubmit();
    return new Promise((resolve) => new MutationObserver(() => {
        const answer = form.querySelector('output .answer');
        if (answer) resolve([form.querySelector('output strong').textContent, answer.textContent]);
    }).observe(form, {childList: true, subtree: true}));
"""
)
DRAWN = """
    return new Promise((resolve) => {
        const look = () => document.querySelector('details') ? resolve(true) : requestAnimationFrame(look);
        look();
    });
"""


async def send(browser: Browser, operation: str) -> list[str]:
    answer: list[str] = await browser.run(SEND % (operation, operation))
    return answer


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_page_tries_the_api_with_nothing_from_elsewhere(service: Service) -> None:
    base = f"http://127.0.0.1:{service.port}"
    async with browsing() as browser:
        await browser.go(f"{base}/docs")
        await browser.run(DRAWN)

        line, answer = await send(browser, "create_customer")
        again, _ = await send(browser, "create_customer")

        assert line == "POST /api/customers → 201 Created"
        assert '"email": "ada@example.com"' in answer
        assert again == "POST /api/customers → 409 Conflict"
        loaded: list[str] = await browser.run("return performance.getEntries().map((entry) => entry.name)")
        assert [name for name in loaded if name.startswith("http") and not name.startswith(base)] == []
        # The refusal above is the browser's to report; the page itself gives no reason for any.
        assert [line for line in await browser.complaints() if "409" not in line] == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_page_shows_every_operation_of_the_document(service: Service) -> None:
    document: dict[str, Any] = (await service.api.get("/openapi.json")).json()
    async with browsing() as browser:
        await browser.go(f"http://127.0.0.1:{service.port}/docs")
        await browser.run(DRAWN)

        shown = await browser.run("return [...document.querySelectorAll('details')].map((one) => one.id)")

    assert shown == [operation["operationId"] for path in document["paths"].values() for operation in path.values()]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["", "/page.js", "/page.css", "/icon.svg"])
async def test_the_page_may_load_nothing_from_elsewhere(api: httpx.AsyncClient, name: str) -> None:
    response = await api.get(f"/docs{name}")

    assert response.status_code == 200
    assert response.headers["content-security-policy"].startswith("default-src 'self'")
    assert response.headers["x-content-type-options"] == "nosniff"
