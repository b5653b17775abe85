"""JSON Schemas (draft 4) of GeoReport v2, written from the tables of the standard."""

from __future__ import annotations

from typing import Any

DRAFT = "http://json-schema.org/draft-04/schema#"
TEXT = {"type": "string"}
MAYBE = {"type": ["string", "null"]}
MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z)$"}
MAYBE_MOMENT = {"anyOf": [MOMENT, {"type": "null"}]}


def thing(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": sorted(required),
        "additionalProperties": False,
    }


def several(item: dict[str, Any], least: int = 0) -> dict[str, Any]:
    return {"$schema": DRAFT, "type": "array", "items": item, "minItems": least}


DISCOVERY = {
    "$schema": DRAFT,
    **thing(
        {
            "changeset": MOMENT,
            "contact": TEXT,
            "key_service": TEXT,
            "endpoints": several(
                thing(
                    {
                        "specification": {"enum": ["http://wiki.open311.org/GeoReport_v2"]},
                        "url": {"type": "string", "pattern": "^https?://"},
                        "changeset": MOMENT,
                        "type": {"enum": ["production", "test"]},
                        "formats": several({"enum": ["text/xml", "application/json"]}, 1),
                    }
                ),
                1,
            ),
        }
    ),
}
SERVICES = several(
    thing(
        {
            "service_code": TEXT,
            "service_name": TEXT,
            "description": TEXT,
            "metadata": {"type": "boolean"},
            "type": {"enum": ["realtime", "batch", "blackbox"]},
            "keywords": TEXT,
            "group": TEXT,
        }
    ),
    1,
)
DEFINITION = {
    "$schema": DRAFT,
    **thing(
        {
            "service_code": TEXT,
            "attributes": several(
                thing(
                    {
                        "variable": {"type": "boolean"},
                        "code": TEXT,
                        "datatype": {
                            "enum": ["string", "number", "datetime", "text", "singlevaluelist", "multivaluelist"]
                        },
                        "required": {"type": "boolean"},
                        "datatype_description": MAYBE,
                        "order": {"type": "integer", "minimum": 1},
                        "description": TEXT,
                    },
                    values=several(thing({"key": TEXT, "name": TEXT})),
                )
            ),
        }
    ),
}
POSTED = several(
    {
        "oneOf": [
            thing({"service_request_id": TEXT}, service_notice=MAYBE, account_id=MAYBE),
            thing({"token": TEXT}, service_notice=MAYBE, account_id=MAYBE),
        ]
    },
    1,
)
TOKEN = several(thing({"service_request_id": TEXT, "token": TEXT}), 1)
REQUESTS = several(
    thing(
        {
            "service_request_id": TEXT,
            "status": {"enum": ["open", "closed"]},
            "service_name": TEXT,
            "service_code": TEXT,
            "requested_datetime": MOMENT,
            "updated_datetime": MOMENT,
        },
        status_notes=MAYBE,
        description=MAYBE,
        agency_responsible=MAYBE,
        service_notice=MAYBE,
        expected_datetime=MAYBE_MOMENT,
        address=MAYBE,
        address_id=MAYBE,
        zipcode=MAYBE,
        lat={"type": ["number", "null"], "minimum": -90, "maximum": 90},
        long={"type": ["number", "null"], "minimum": -180, "maximum": 180},
        media_url=MAYBE,
        notes=several(thing({"datetime": MOMENT, "description": TEXT})),  # extensions=true
    )
)
UPDATES = several(
    thing(
        {
            "update_id": {"type": "integer"},
            "service_request_id": TEXT,
            "status": {"enum": ["open", "closed"]},
            "updated_datetime": MOMENT,
            "description": TEXT,
        }
    )
)
ERRORS = several(thing({"code": {"enum": [400, 403, 404, 429]}, "description": TEXT}), 1)
