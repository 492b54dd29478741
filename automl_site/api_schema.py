"""The description of the API in OpenAPI 3.1, with what holds for every operation: errors, keys, scopes."""

from __future__ import annotations

from typing import Any, Final

from automl_site.api_access import scope_of
from automl_site.idempotency import HEADER, LONGEST_KEY
from datasets_app.problems import PROBLEM_TYPE

AREAS: Final = {"data sets": "datasets", "searches": "searches", "models": "models", "devices": "devices"}
"""Tag -> first part of the scopes."""

PROBLEM: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "An error, as RFC 9457 has it. The header X-Reference finds its lines in the log.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "One sentence for people, with the next step."},
        "code": {"type": "string", "description": "For programs, where the status alone does not say it."},
        "reference": {"type": "string", "description": "Of errors of the server."},
        "errors": {
            "type": "array",
            "description": "The fields that did not fit.",
            "items": {
                "type": "object",
                "required": ["field", "problem"],
                "properties": {"field": {"type": "string"}, "problem": {"type": "string"}},
            },
        },
    },
}
KEY: Final[dict[str, Any]] = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "description": "Any text; the same request with the same key is carried out once. Kept for two days.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"},
}


def described(schema: Any) -> Any:
    """Completes the description that ninja makes of the operations."""
    schema["components"]["schemas"]["Problem"] = PROBLEM
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            _complete(path, method, operation)
    return schema


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    error = {"schema": {"$ref": "#/components/schemas/Problem"}}
    operation["responses"]["default"] = {"description": "Error", "content": {PROBLEM_TYPE: error}}
    if method == "post":
        operation["parameters"] = [*operation.get("parameters", ()), KEY]
    area = next((AREAS[tag] for tag in operation.get("tags", ()) if tag in AREAS), None)
    if area is not None:
        scope = scope_of(area, method.upper())
        operation["x-scope"] = scope
        told = operation.get("description", "").strip()
        operation["description"] = f"{told}\n\nTokens need the scope `{scope}`.".strip()
