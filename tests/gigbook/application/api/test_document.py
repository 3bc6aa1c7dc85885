"""The OpenAPI document and the service say the same: Schemathesis makes requests of the one for the other."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.gigbook.program import running

SETTINGS = Path(__file__).with_name("schemathesis.toml")

EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "20")
"""How many requests to make for each operation and phase; many thousands find what twenty do not."""


@pytest.mark.timeout(0)
async def test_no_generated_request_is_answered_in_a_way_that_is_not_documented(tmp_path: Path) -> None:
    async with running(tmp_path / "customers.db") as program:
        url = await program.url()
        drain = asyncio.create_task(program.ended())
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "schemathesis.cli", "--config-file", str(SETTINGS), "run", f"{url}/openapi.json"),
            *("--max-examples", EXAMPLES, "--no-color"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=tmp_path,
        )
        output, _ = await process.communicate()
        program.process.terminate()
        await drain

    assert process.returncode == 0, output.decode()
    assert [line for line in program.log if line["level"] == "error"] == []
