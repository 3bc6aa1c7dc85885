"""What is asked of everybody who has an account: the types of the fields, and the rules that they obey."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from gigbook.business.rules import LINE, LONGEST_EMAIL, OPTIONAL_LINE, Rule, email, line, optional_line

LONGEST_NAME: Final = 200
LONGEST_PHONE: Final = 40

RULES: Final[Mapping[str, Rule]] = {
    "name": partial(line, most=LONGEST_NAME),
    "email": email,
    "phone": partial(optional_line, most=LONGEST_PHONE),
}

# The limits are told here and held by RULES: a limit is for the trimmed text, which a schema can not say.
Name: TypeAlias = Annotated[
    str,
    Meta(
        description="Not empty once it is trimmed.",
        examples=["Ada Lovelace"],
        extra_json_schema={"minLength": 1, "maxLength": LONGEST_NAME, "pattern": LINE},
    ),
]
Email: TypeAlias = Annotated[
    str,
    Meta(
        description="Unique without regard to case; kept in lower case.",
        examples=["ada@example.com"],
        extra_json_schema={"format": "email", "maxLength": LONGEST_EMAIL},
    ),
]
Phone: TypeAlias = Annotated[
    str,
    Meta(
        examples=["+44 20 7946 0958"],
        extra_json_schema={"maxLength": LONGEST_PHONE, "pattern": OPTIONAL_LINE},
    ),
]
