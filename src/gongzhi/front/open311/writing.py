"""One answer in two forms. GeoReport's JSON is its XML without the outer names: a list of things is a bare array."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from xml.etree import ElementTree

from django.http import HttpResponse

TYPES: Final = {"xml": "text/xml; charset=utf-8", "json": "application/json; charset=utf-8"}
# What XML 1.0 has no way to write.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The name of each thing in a list, by the name of the list.
_ITEMS: Final = {
    "services": "service",
    "service_requests": "request",
    "service_requests_updates": "request_update",
    "errors": "error",
    "attributes": "attribute",
    "values": "value",
    "notes": "note",
    "endpoints": "endpoint",
    "formats": "format",
}


def answer(name: str, content: Any, form: str, status: int = 200) -> HttpResponse:
    """``name`` is the outermost element in XML; JSON leaves it out."""
    if form == "json":
        body = json.dumps(content, ensure_ascii=False).encode()
    else:
        root = ElementTree.Element(name)
        _fill(root, content)
        body = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return HttpResponse(body, content_type=TYPES[form], status=status)


def _fill(element: ElementTree.Element, content: Any) -> None:
    if isinstance(content, Mapping):
        for name, value in content.items():
            _fill(ElementTree.SubElement(element, name), value)
    elif isinstance(content, list):
        for value in content:
            _fill(ElementTree.SubElement(element, _ITEMS[element.tag]), value)
    elif isinstance(content, bool):
        element.text = "true" if content else "false"
    elif content is not None:
        element.text = _NOT_XML.sub("", str(content))


def errors(description: str, status: int, form: str) -> HttpResponse:
    response = answer("errors", [{"code": status, "description": description}], form, status)
    if status == 429:
        response["Retry-After"] = "60"
    return response
