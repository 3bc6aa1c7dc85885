"""What every test may ask for, and how a test names the behaviours of OTP that it shows."""

import pytest
from hypothesis import settings

pytest_plugins = ["tests.services"]

# A deadline would measure the machine, and how busy it is.
settings.register_profile("greenroom", parent=settings(), deadline=None)
settings.load_profile("greenroom")


def pytest_itemcollected(item: pytest.Item) -> None:
    # A report travels from a worker process with its properties, and without its markers.
    for marker in item.iter_markers("conforms"):
        item.user_properties.extend(("conforms", id) for id in marker.args)
