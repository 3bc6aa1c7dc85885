"""Venues: what others may know of them, and do with them."""

from __future__ import annotations

from gigbook.business.venues.opening import OpeningSlot, holds, spans_on
from gigbook.business.venues.span import Span, joined, without

__all__ = ["OpeningSlot", "Span", "holds", "joined", "spans_on", "without"]
