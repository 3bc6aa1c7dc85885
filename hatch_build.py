"""Puts the migrations into the wheel, so that an installed gigbook can migrate its own database."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.wheel import WheelBuilderConfig


class MigrationsHook(BuildHookInterface[WheelBuilderConfig]):
    """Adds `migrations/` to the wheel as `gigbook/migrations/`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Force the folder in, but not in an editable install: there the copy would go stale."""
        if version == "standard":
            build_data["force_include"]["migrations"] = "gigbook/migrations"
