"""Processes that may crash, so that the system does not."""
