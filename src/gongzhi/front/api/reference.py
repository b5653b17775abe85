"""The REST interface as a page of the documentation: ``docs/reference/api.md``; a test compares the two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gongzhi.front.api.urls import api

PREFIX: Final = "/api/v1"
_HEAD: Final = """# REST interface

Made from the description of the interface by `gongzhi.front.api.reference.api_as_markdown()`; do not edit it by hand.
The running house serves the same as OpenAPI 3.1 at `/api/v1/openapi.json` and as pages at `/api/v1/docs`.
[Let a program do it](../howto/rest-api.md) tells how to begin.

Every operation takes `Authorization: Bearer TOKEN` and names the verb that token and post must have. Operations that
change something take the header `Idempotency-Key`.

| status | when |
| --- | --- |
"""
_ORDER: Final = (
    "cases", "rulings", "slips", "tasks", "checks", "directives", "assignments", "whistles", "themes", "rates",
    "ground",
)  # fmt: skip


def _shape(schema: Mapping[str, Any]) -> str:
    """A type in a word or two."""
    if "$ref" in schema:
        return f"[{schema['$ref'].split('/')[-1]}](#{schema['$ref'].split('/')[-1].lower()})"
    if "enum" in schema:
        return " ".join(f"`{value}`" for value in schema["enum"] if value != "") or "text"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_shape(one) for one in schema["anyOf"] if one.get("type") != "null")) + (
            " or nothing" if any(one.get("type") == "null" for one in schema["anyOf"]) else ""
        )
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_shape(schema.get('items', {}))}"
    if kind == "string":
        return {"date": "day", "date-time": "moment"}.get(str(schema.get("format", "")), "text")
    return {"integer": "whole number", "boolean": "true or false", "object": "object"}.get(kind, kind)


def _limits(schema: Mapping[str, Any]) -> str:
    found = schema.get("anyOf", [{}])[0] if "anyOf" in schema else schema
    names = {"maxLength": "at most {} characters", "minimum": "from {}", "maximum": "to {}", "pattern": "`{}`"}
    return ", ".join(words.format(found[name]) for name, words in names.items() if name in found)


def _row(name: str, schema: Mapping[str, Any], required: bool, words: str = "") -> str:
    notes = "; ".join(part for part in (words or str(schema.get("description", "")), _limits(schema)) if part)
    shape, notes = _shape(schema).replace("|", "\\|"), notes.replace("|", "\\|")
    return f"| `{name}` | {shape} | {'yes' if required else ''} | {notes} |\n"


def api_as_markdown() -> str:
    described: Any = api.get_openapi_schema(path_prefix=PREFIX + "/")
    page = _HEAD
    said: dict[str, str] = {}
    for operations in described["paths"].values():
        for operation in operations.values():
            said |= {str(status): answer["description"] for status, answer in operation["responses"].items()}
    page += "".join(f"| {status} | {words} |\n" for status, words in sorted(said.items()) if int(status) >= 400)
    by_tag: dict[str, list[tuple[str, str, Any]]] = {}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    for tag in (
        "cases",
        "rulings",
        "slips",
        "tasks",
        "checks",
        "directives",
        "assignments",
        "whistles",
        "themes",
        "rates",
        "ground",
    ):
        page += f"\n## {tag.capitalize()}\n"
        for method, path, operation in by_tag[tag]:
            page += f"\n### {method} {path}\n\n{operation['summary']}. {operation['description']}\n"
            asked = [one for one in operation.get("parameters", []) if one["in"] != "header"]
            if asked:
                page += "\n| parameter | | needed | |\n| --- | --- | --- | --- |\n"
                for one in asked:
                    page += _row(one["name"], one["schema"], one["required"], str(one.get("description", "")))
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if body:
                page += f"\nTakes: {_shape(body['schema'])}.\n"
            status, answer = next((s, a) for s, a in operation["responses"].items() if int(s) < 400)
            page += f"\nAnswers {status}: {_shape(answer['content']['application/json']['schema'])}.\n"
    page += "\n## Things that go in and out\n"
    for name, schema in sorted(described["components"]["schemas"].items()):
        if "properties" not in schema:
            page += f"\n### {name}\n\n{_shape(schema)}\n"
            continue
        page += f"\n### {name}\n\n"
        if schema.get("description"):
            page += f"{schema['description']}\n\n"
        page += "| field | | needed | |\n| --- | --- | --- | --- |\n"
        needed = set(schema.get("required", ()))
        for field, shape in schema["properties"].items():
            page += _row(field, shape, field in needed)
    return page
