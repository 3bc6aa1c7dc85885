"""Parameters by which more than one list is filtered, and the rules that they obey."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from gigbook.business.people import LONGEST_NAME
from gigbook.business.rules import LONGEST_EMAIL, OPTIONAL_LINE, Rule, wanted

WantedEmail: TypeAlias = Annotated[
    str,
    Meta(
        description="Only the one with this address, in any case.",
        extra_json_schema={"maxLength": LONGEST_EMAIL, "pattern": OPTIONAL_LINE},
    ),
]
WantedName: TypeAlias = Annotated[
    str,
    Meta(
        description="Only those whose name begins so, in any case.",
        extra_json_schema={"maxLength": LONGEST_NAME, "pattern": OPTIONAL_LINE},
    ),
]

RULES: Final[Mapping[str, Rule]] = {
    "email": partial(wanted, most=LONGEST_EMAIL),
    "name": partial(wanted, most=LONGEST_NAME),
}
