"""What an operator may set, read from the environment and checked once, before anything starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct, structs

from gigbook.application.fields import flaws

YEAR: Final = 366 * 86_400.0


class SettingsError(ValueError):
    """The environment has mistakes; the message names each of them."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name} {reason}" for name, reason in sorted(reasons.items())))
        self.reasons = reasons


class Settings(Struct, frozen=True, kw_only=True, rename=str.upper):
    """How one Gigbook runs. Every field is an environment variable of the same name in capitals."""

    database_url: Annotated[
        str, Meta(min_length=1, description="A SQLite file, :memory:, sqlite:///… or postgresql://…")
    ] = "./customers.db"
    host: Annotated[str, Meta(min_length=1, description="Address to listen on; 0.0.0.0 opens it to the network.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port to listen on; 0 takes any free one.")] = 8080
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least important line to log.")
    ] = "info"
    log_format: Annotated[
        Literal["auto", "console", "json"],
        Meta(description="auto writes for people on a terminal, and JSON everywhere else."),
    ] = "auto"
    max_connections: Annotated[
        int, Meta(ge=1, le=1000, description="Database connections that read at the same time, at most.")
    ] = 100
    entity_idle_seconds: Annotated[
        float,
        Meta(gt=0, le=YEAR, description="A customer, user or venue nobody asked for so long gives its memory back."),
    ] = 1800.0
    save_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="Profiles are written at most twice so many seconds after a change.")
    ] = 30.0
    payment_gateway_seconds: Annotated[
        float,
        Meta(gt=0, le=3600, description="How long the payment gateway has to answer; then it is asked again later."),
    ] = 20.0
    max_streams: Annotated[
        int, Meta(ge=0, le=100_000, description="Clients that may follow events at the same time; more get a 503.")
    ] = 1000
    shutdown_timeout: Annotated[
        float, Meta(gt=0, le=3600, description="Seconds that requests in flight have to finish after SIGTERM.")
    ] = 5.0


def read(environment: Mapping[str, str]) -> Settings:
    """The settings in this environment; an empty variable counts as one that is not set.

    Raises:
        SettingsError: at least one variable is wrong; the message names all that are.
    """
    given = {
        field.encode_name: environment[field.encode_name].strip()
        for field in structs.fields(Settings)
        if environment.get(field.encode_name, "").strip()
    }
    for choice in given.keys() & {"LOG_LEVEL", "LOG_FORMAT"}:
        given[choice] = given[choice].lower()
    if reasons := flaws(given, Settings, {}, strict=False):
        raise SettingsError({name: f"{reason}, got {given[name]!r}" for name, reason in reasons.items()})
    return msgspec.convert(given, Settings, strict=False)


def described() -> list[tuple[str, str, str]]:
    """Each variable with its default and what it is for, in the order of their declaration."""
    schema = msgspec.json.schema(Settings)["$defs"]["Settings"]["properties"]
    return [(name, str(entry["default"]), _purpose(entry)) for name, entry in schema.items()]


def _purpose(entry: Mapping[str, Sequence[str]]) -> str:
    description = str(entry["description"])
    choices = entry.get("enum")
    return f"{description} ({', '.join(choices)})" if choices else description
