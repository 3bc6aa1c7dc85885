"""Where the business's processes find the database: its name in the tree, and nothing more."""

from __future__ import annotations

from typing import Final

from greenroom import Ref
from greenroom.infrastructure import Database

NAME: Final = "database"

database: Final = Ref(Database, NAME)
