"""How somebody pays: a text that means something to the gateway, and that nobody else may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator
from typing_extensions import override

HIDDEN: Final = "[redacted]"


@dataclass(frozen=True, slots=True, repr=False)
class Method:
    """A card's token, for example. Logs and crash reports show that there is one, and no more."""

    text: str

    def __repr__(self) -> str:
        return HIDDEN


class MethodText(TypeDecorator[Method]):
    """A column type for methods, so that not even the parameters of a statement show one."""

    impl = Text
    cache_ok = True

    @override
    def process_bind_param(self, value: Method | None, dialect: Dialect) -> str | None:
        return None if value is None else value.text

    @override
    def process_result_value(self, value: str | None, dialect: Dialect) -> Method | None:
        return None if value is None else Method(value)
