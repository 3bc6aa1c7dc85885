"""Any batch of changes does to the database what it does, one after the other, to a dictionary."""

from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from greenroom.infrastructure import (
    Conflict,
    DatabaseError,
    DatabaseSettings,
    DatabaseUrl,
    Delete,
    Insert,
    Invalid,
    Key,
    NotFound,
    Refused,
    Stale,
    Update,
)
from greenroom.infrastructure.database.connector import connector
from greenroom.infrastructure.database.session import Session
from greenroom.infrastructure.database.task import Transaction, Write, Written
from tests.greenroom.infrastructure.database.tables import create_tables, venues

Model = dict[Key, dict[str, Any]]

NOTHING = ("nothing",)

names = st.sampled_from(["Blue Note", "blue note", "Vanguard", "Village", None])
keys = st.integers(1, 4)
versions = st.none() | st.integers(1, 3)
values = st.fixed_dictionaries({}, optional={"name": names, "seats": st.sampled_from([0, 5, -1])}).filter(bool)

whole = st.fixed_dictionaries(
    {"name": names, "city": st.none(), "seats": st.sampled_from([0, 5, -1]), "opened_at": st.none()}
)
# Updates of all columns, which go by one statement where they are neighbours.
alike = st.builds(Update, st.just(venues), keys, whole, st.integers(1, 3))

changes = (
    st.builds(Insert, st.just(venues), st.fixed_dictionaries({"id": keys, "name": names}), replace=st.booleans())
    | st.builds(Update, st.just(venues), keys, values, versions)
    | st.builds(Delete, st.just(venues), keys, versions, optional=st.booleans())
)
writes = alike | changes | st.builds(Transaction, st.lists(changes, min_size=1, max_size=4).map(tuple))


@pytest.fixture(params=["file", "postgresql"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Session]:
    text = request.getfixturevalue("postgres_url") if request.param == "postgresql" else str(tmp_path / "test.db")
    url = DatabaseUrl.parse(text)
    create_tables(url)
    with closing(connector(url, DatabaseSettings()).writer()) as session:
        yield session


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(batches=st.lists(st.lists(writes, max_size=12), max_size=4))
def test_any_batches_of_changes_do_what_they_do_to_a_dictionary(session: Session, batches: list[list[Write]]) -> None:
    model: Model = {}
    session.begin()
    try:
        for batch in batches:
            expected = [apply(model, write) for write in batch]

            answers = session.carry_out(batch)

            assert [essence(answer) for answer in answers] == expected
        found = session.read(select(venues).order_by(venues.c.id))
        assert [essence(row) for row in found] == [("row", model[key]) for key in sorted(model, key=int)]
    finally:
        session.rollback()


def apply(model: Model, write: Write) -> object:
    """Carry out the write on the dictionary, and tell what it should be answered with."""
    if not isinstance(write, Transaction):
        return apply_change(model, write)
    before = deepcopy(model)
    outcomes: list[object] = []
    for at, change in enumerate(write.steps):
        assert isinstance(change, Insert | Update | Delete)
        outcome = apply_change(model, change)
        if outcome[0] not in {"row", "nothing"}:
            model.clear()
            model.update(before)
            return ("refused", at, outcome)
        outcomes.append(outcome)
    return ("rows", *outcomes)


def apply_change(model: Model, change: object) -> tuple[object, ...]:
    match change:
        case Insert(_, {"id": int(key), **rest}, replace=True) if key in model:
            others = [row for other, row in model.items() if other != key]
            return store(model, {**model[key], **rest}, others)
        case Insert(_, given):
            return store(model, {"seats": 100, "version": 1, **given}, others=model.values())
        case Update(_, key, given, version):
            known = {name: value for name, value in given.items() if value is not None or name == "name"}
            return missing(model, key, version) or store(
                model,
                {**model[key], **known, "version": model[key]["version"] + 1},
                others=[row for other, row in model.items() if other != key],
            )
        case Delete(_, key, optional=True) if key not in model:
            return NOTHING
        case Delete(_, key, version):
            return missing(model, key, version) or ("row", model.pop(key))
        case _:
            raise AssertionError(change)


def missing(model: Model, key: Any, version: int | None) -> tuple[object, ...]:
    if key not in model:
        return ("not found", key)
    if version not in {None, model[key]["version"]}:
        return ("stale", model[key]["version"])
    return ()


def store(model: Model, row: dict[str, Any], others: Any) -> tuple[object, ...]:
    if row["name"] is None:
        return ("invalid", "missing")
    if row["seats"] < 0:
        return ("invalid", "check")
    if any(row["id"] == other["id"] for other in others):
        return ("conflict",)
    if any(row["name"].lower() == other["name"].lower() for other in others):
        return ("conflict",)
    model[row["id"]] = row
    return ("row", dict(row))


def essence(answer: Written | DatabaseError | Key) -> object:
    """What of an answer the model can foretell."""
    match answer:
        case dict():
            return ("row", {name: answer[name] for name in ("seats", "version", "id", "name")}) if answer else NOTHING
        case tuple():
            return ("rows", *map(essence, answer))
        case NotFound(_, key):
            return ("not found", key)
        case Stale(actual=actual):
            return ("stale", actual)
        case Conflict():
            return ("conflict",)
        case Invalid(rule=rule):
            return ("invalid", rule)
        case Refused(at, refusal):
            return ("refused", at, essence(refusal))
        case _:
            return answer
