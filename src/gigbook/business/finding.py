"""Conditions on texts that people search for, as both databases understand them."""

from __future__ import annotations

import re

from sqlalchemy import Column, ColumnElement, func


def is_text(column: Column[object], text: str) -> ColumnElement[bool]:
    """The column holds this text, in any case; an index on `lower(column)` serves it."""
    return func.lower(column) == func.lower(text.strip())


def begins_with(column: Column[object], text: str) -> ColumnElement[bool]:
    """The column begins with this text, in any case."""
    # The database lowers both sides: each has its own idea of letters beyond ASCII.
    beginning = re.sub("[/%_]", r"/\g<0>", text) + "%"
    return func.lower(column).like(func.lower(beginning), escape="/")
