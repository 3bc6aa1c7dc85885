import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from gigbook.application import logs
from gigbook.application.settings import Settings


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root, configuration = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.configure(**configuration)


def logged(settings: Settings) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(settings, stream)
    return stream


def test_lines_for_machines_are_json_whoever_writes_them() -> None:
    stream = logged(Settings())

    structlog.get_logger().info("request", id="r-1", status=200)
    logging.getLogger("greenroom.process").error("%s crashed", "venue")

    ours, theirs = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (ours["event"], ours["id"], ours["status"], ours["level"]) == ("request", "r-1", 200, "info")
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("venue crashed", "error", "greenroom.process")
    assert ours.keys() & theirs.keys() >= {"timestamp"}


def test_an_exception_is_in_its_line() -> None:
    stream = logged(Settings())

    structlog.get_logger().error("request failed", exc_info=ValueError("why"))

    (line,) = stream.getvalue().splitlines()
    assert "ValueError: why" in json.loads(line)["exception"]


def test_lines_for_people_are_text() -> None:
    stream = logged(Settings(log_format="console"))

    structlog.get_logger().info("request", id="r-1")

    assert "request" in stream.getvalue()
    assert "id=r-1" in stream.getvalue()


def test_what_is_less_important_than_the_level_is_left_out() -> None:
    stream = logged(Settings(log_level="warning"))

    structlog.get_logger().info("request")
    logging.getLogger("any").info("said")

    assert stream.getvalue() == ""


def test_what_no_json_knows_is_told_in_its_own_words() -> None:
    stream = logged(Settings())

    structlog.get_logger().info("request", odd=object)

    assert json.loads(stream.getvalue())["odd"] == "<class 'object'>"
