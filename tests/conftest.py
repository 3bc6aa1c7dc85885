"""What every test may ask for, and how a test names the behaviours of OTP that it shows."""

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.disks", "tests.services"]

# These would measure the machine, and how busy it is.
settings.register_profile("greenroom", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("greenroom")


def pytest_itemcollected(item: pytest.Item) -> None:
    # A report travels from a worker process with its properties, and without its markers.
    for marker in item.iter_markers("conforms"):
        item.user_properties.extend(("conforms", id) for id in marker.args)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Each worker begins with its part of the list; one that came to a long test last would keep all waiting.
    workers: int = getattr(config, "workerinput", {"workercount": 1})["workercount"]
    if workers > 1:
        long, short = [item for item in items if _is_long(item)], [item for item in items if not _is_long(item)]
        items[:] = [item for part in range(workers) for item in (*long[part::workers], *_part(short, part, workers))]


def _is_long(item: pytest.Item) -> bool:
    """Whether it may take longer than others may."""
    marker = item.get_closest_marker("timeout")
    return marker is not None and not 0 < marker.args[0] <= float(item.config.getini("timeout"))


def _part(items: list[pytest.Item], part: int, of: int) -> list[pytest.Item]:
    return items[part * len(items) // of : (part + 1) * len(items) // of]
