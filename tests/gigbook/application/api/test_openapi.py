import json
import re
from typing import Any

from gigbook.application.api.app import DOCUMENTED
from gigbook.application.api.openapi import document

DOCUMENT: dict[str, Any] = json.loads(json.dumps(document("Gigbook", "1.0", DOCUMENTED)))
CUSTOMERS = DOCUMENT["paths"]["/api/customers"]
CUSTOMER = DOCUMENT["paths"]["/api/customers/{id}"]


def references(text: str) -> set[str]:
    return set(re.findall(r'"\$ref": "(.*?)"', text))


def statuses(operation: dict[str, Any]) -> set[int]:
    return {int(status) for status in operation["responses"]}


def test_every_path_and_method_is_in_the_document() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert {path: set(item) for path, item in DOCUMENT["paths"].items()} == {
        "/api/bookings": {"get", "post"},
        "/api/bookings/{id}": {"get"},
        "/api/bookings/{id}/hold": {"post"},
        "/api/bookings/{id}/confirm": {"post"},
        "/api/bookings/{id}/cancel": {"post"},
        "/api/bookings/{id}/history": {"get"},
        "/api/customers": {"get", "post"},
        "/api/customers/{id}": {"get", "put", "patch", "delete"},
        "/api/payments": {"get", "post"},
        "/api/payments/{id}": {"get"},
        "/api/payments/{id}/refund": {"post"},
        "/api/payments/{id}/history": {"get"},
        "/api/users": {"get", "post"},
        "/api/users/{id}": {"get", "put", "patch", "delete"},
        "/api/venues": {"get", "post"},
        "/api/venues/{id}": {"get", "put", "patch", "delete"},
        "/api/venues/{id}/calendar": {"get"},
        "/api/venues/{id}/calendar.ics": {"get"},
        "/api/venues/{id}/events": {"get"},
        "/health": {"get"},
    }


def test_the_statuses_are_those_of_the_outcomes_in_the_signatures() -> None:
    always = {500, 503, 504}
    body = {400, 413, 415}
    assert statuses(CUSTOMERS["get"]) == always | {200, 304, 400}
    assert statuses(CUSTOMERS["post"]) == always | body | {201, 409, 422}
    assert statuses(CUSTOMER["get"]) == always | {200, 304, 404}
    assert statuses(CUSTOMER["put"]) == always | body | {200, 404, 409, 412}
    assert statuses(CUSTOMER["patch"]) == always | body | {200, 404, 409, 412}
    assert statuses(CUSTOMER["delete"]) == always | {204, 404, 412}
    assert statuses(DOCUMENT["paths"]["/api/bookings/{id}/confirm"]["post"]) == always | {200, 404, 409, 412}
    assert statuses(DOCUMENT["paths"]["/api/payments"]["post"]) == always | body | {201, 404, 409, 422}
    assert statuses(DOCUMENT["paths"]["/api/payments/{id}/refund"]["post"]) == always | {201, 400, 404, 409, 422}
    assert statuses(DOCUMENT["paths"]["/api/venues/{id}/calendar.ics"]["get"]) == always | {200, 304, 404}
    assert statuses(DOCUMENT["paths"]["/api/venues/{id}/events"]["get"]) == always | {200, 404}


def test_each_refusal_is_told_with_its_status() -> None:
    held = DOCUMENT["paths"]["/api/bookings/{id}/hold"]["post"]["responses"]

    assert held["404"]["description"] == "Nothing is there under this id."
    assert held["409"]["description"] == (
        "Another booking has a part of that time at the venue. "
        "The time has come for which the booking was requested. "
        "The booking would have to be in another status for that."
    )
    assert held["415"]["description"] == "Unsupported Media Type"


def test_the_words_are_those_of_the_docstrings() -> None:
    assert CUSTOMERS["post"]["operationId"] == "create_customer"
    assert CUSTOMERS["post"]["summary"] == "Create a customer"
    assert CUSTOMERS["post"]["description"].startswith("With an Idempotency-Key")


def test_parameters_say_where_they_go_and_what_they_may_be() -> None:
    found = {parameter["name"]: parameter for parameter in CUSTOMERS["get"]["parameters"]}

    assert found.keys() == {"limit", "cursor", "count", "email", "name", "If-None-Match"}
    assert found["limit"]["in"] == "query"
    assert found["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
    assert found["limit"]["description"]
    assert CUSTOMER["get"]["parameters"][0]["schema"] == {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}


def test_the_schemas_are_those_of_the_structs() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    assert schemas.keys() >= {"Customer", "CustomerDraft", "CustomerChanges", "ErrorBody"}
    assert schemas["CustomerDraft"]["required"] == ["name", "email"]
    assert schemas["CustomerDraft"]["additionalProperties"] is False
    assert schemas["Customer"]["properties"]["email"]["format"] == "email"


def test_every_reference_leads_somewhere() -> None:
    found = references(json.dumps(DOCUMENT))

    assert found == {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}


def test_the_document_can_be_made_again() -> None:
    assert json.loads(json.dumps(document("Gigbook", "1.0", DOCUMENTED))) == DOCUMENT
