"""Every method of every address of the site, with its rule, and how to ask it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from automl_site.api import api
from tests.authorisation import World
from tests.unit.search.access import OPERATIONS, PAGES, PREFIXES, UPLOADS, Rule


@dataclass(frozen=True)
class Address:
    """One method of one route.

    Attributes:
        key: The line of the rule tables it falls under.
        method: HTTP method.
        route: The path with ``{name}`` for each parameter, starting with a slash.
        rule: None when no table knows it.
    """

    key: str
    method: str
    route: str
    rule: Rule | None


def flat_routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[str]:
    """Yields the route of every URL pattern, resolvers unfolded."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from flat_routes(entry, route)
        else:
            assert isinstance(entry, URLPattern)
            yield route


def braces(route: str) -> str:
    """Turns ``<uuid:dataset_id>`` and ``(?P<key>...)`` into ``{dataset_id}`` and ``{key}``."""
    route = re.sub(r"\(\?P<(\w+)>[^()]*\)", r"{\1}", route)
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route).lstrip("^").rstrip("$").replace("\\Z", "")


def addresses() -> list[Address]:
    """Returns every method of every address of the site, with its rule if there is one."""
    schema = api.get_openapi_schema()["paths"]
    found: list[Address] = []
    for route in flat_routes():
        path = braces(route)
        if route.startswith("api/v1/"):
            for method in schema.get(path, {"get": None}):
                key = f"{method.upper()} {path}"
                found.append(Address(key, method.upper(), path, OPERATIONS.get(key)))
            continue
        if path.startswith("/uploads"):
            keys = [key for key in UPLOADS if key.split()[1] == path] or [f"POST {path}"]
            found.extend(Address(key, key.split()[0], path, UPLOADS.get(key)) for key in keys)
            continue
        prefix = next((p for p in PREFIXES if route.startswith(p)), None)
        rule = PREFIXES[prefix] if prefix else PAGES.get(route)
        # Third-party pages refuse by a decorator, whatever the method; ours are asked both ways.
        methods = ("GET",) if prefix else ("GET", "POST")
        found.extend(Address(route, method, path, rule) for method in methods)
    return found


def send(client: Client, address: Address, ids: dict[str, str], world: World) -> HttpResponse:
    """Sends the request of an address with the given ids."""
    rule = address.rule
    assert rule is not None
    path = re.sub(r"\{(\w+)\}", lambda match: ids.get(match[1], "1"), address.route)
    query = {name: ids[key] for name, key in rule.query.items()}
    if address.method == "GET":
        return client.get(path, query, headers=rule.headers)
    if rule.upload:
        with world.archive.open("rb") as archive:
            return client.post(path, {"file": archive, "name": "mine"})
    body = {name: filled(value, ids) for name, value in (rule.body or {}).items()}
    headers = {"Content-Type": "application/json", **rule.headers}
    kind = headers.pop("Content-Type")
    return client.generic(address.method, path, json.dumps(body), content_type=kind, headers=headers)


def filled(value: Any, ids: dict[str, str]) -> Any:
    """Puts an id in the place of its name: "$name" as text, "#name" as a list of numbers."""
    if isinstance(value, str) and value[:1] in {"$", "#"}:
        chosen = ids[value[1:]]
        return chosen if value[0] == "$" else [int(one) for one in chosen.split(",")]
    return value


def content(answer: HttpResponse) -> bytes:
    return b"".join(answer)


def without_ids(answer: HttpResponse, ids: dict[str, str]) -> bytes:
    """Returns the body with what differs between any two requests taken out."""
    body = content(answer)
    for value in ids.values():
        if len(value) > 20:
            body = body.replace(value.encode(), b"ID")
    return re.sub(
        rb'(nonce|csrfmiddlewaretoken"[^>]*value|csrf[-_]token"[^>]*content|X-CSRFToken[^\w]+)="?[\w+/=-]+',
        b"",
        body,
    )


def is_page(address: Address) -> bool:
    return not address.route.startswith(("/api/", "/uploads"))
