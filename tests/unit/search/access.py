"""Who may use which address of the site: one line for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["public", "account", "object", "staff"]
OK = frozenset({200})


@dataclass(frozen=True)
class Rule:
    """What an address answers.

    Attributes:
        kind: "public" answers everyone; "account" answers everyone who is signed in, with their own things;
            "object" answers the owner and is 404 for everybody else; "staff" is the administrator's alone.
        owner: Status codes that the owner may get.
        query: Query parameters; values are keys of the world's ids.
        body: JSON body; values that start with "$" or "#" are keys of the world's ids.
        upload: Sends a zip as multipart form instead of JSON.
        headers: Sent along.
        viewer: What a viewer of the owner's team gets; None follows from the method: they read, and every
            other method is 409.
        editor: The same for an editor, who may do all but delete.
    """

    kind: Kind
    owner: frozenset[int] = OK
    query: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    upload: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    viewer: frozenset[int] | None = None
    editor: frozenset[int] | None = None

    def of_member(self, method: str, *, edits: bool) -> frozenset[int]:
        """Returns what a member of the owner's team gets."""
        own = self.editor if edits else self.viewer
        if own is not None:
            return own
        may = method in {"GET", "HEAD"} or (edits and method != "DELETE")
        return self.owner if may else frozenset({409})


NOT_SHARED: dict[str, frozenset[int]] = {"viewer": frozenset({404}), "editor": frozenset({404})}


PAGES = {
    "": Rule("account"),
    "livez": Rule("public"),
    "readyz": Rule("public", frozenset({200, 503})),
    # Forwarded for somebody elsewhere, without a token, it does not exist; tests/unit/operate has the rest.
    "metrics": Rule("public", frozenset({404}), headers={"X-Forwarded-For": "203.0.113.9"}),
    "welcome/<str:token>/": Rule("public", frozenset({404})),  # a wrong token is 404 for everyone
    "i18n/setlang/": Rule("public", frozenset({302, 405})),
    "i18n/words.js": Rule("public"),
    "account/": Rule("account"),
    "account/export/": Rule("account"),
    "account/delete/": Rule("account"),
    "account/tokens/": Rule("account"),
    "account/webhooks/": Rule("account"),
    "account/webhooks/<uuid:endpoint_id>/": Rule("object", **NOT_SHARED),
    "styleguide/": Rule("account"),
    "teams/": Rule("account"),
    "teams/<uuid:team_id>/": Rule("object"),
    "invitations/<str:token>/": Rule("account", frozenset({404})),  # a wrong link is 404 for everyone
    "share/<slug:what>/<uuid:thing_id>/": Rule("object", viewer=frozenset({409}), editor=frozenset({409})),
    "audit/": Rule("staff"),
    "audit/log.csv": Rule("staff"),
    "datasets/": Rule("account"),
    "datasets/new/": Rule("account"),
    "datasets/sample/": Rule("account", frozenset({302, 405})),
    "datasets/<uuid:dataset_id>/": Rule("object"),
    "searches/": Rule("account"),
    "searches/new/": Rule("account", query={"dataset": "dataset_id"}),
    "searches/new/estimate/": Rule("account", query={"dataset": "dataset_id"}),
    "searches/<uuid:run_id>/": Rule("object"),
    "searches/<uuid:run_id>/result/": Rule("object"),
    "searches/<uuid:run_id>/models/<uuid:model_id>/": Rule("object"),
    "searches/<uuid:run_id>/models/<uuid:model_id>/photos/": Rule("object"),
    "searches/<uuid:run_id>/models/<uuid:model_id>/heat/<int:row>/<int:target>/": Rule("object"),
    # nobody has asked for that picture
    "searches/<uuid:run_id>/models/<uuid:model_id>/heat/<int:row>/<int:target>.png": Rule(
        "object", frozenset({404})
    ),
    "searches/<uuid:run_id>/models/<uuid:model_id>/work/<slug:kind>/": Rule("object"),
    "account/notices/": Rule("account"),
    "searches/compare/": Rule("object", query={"a": "run_id", "b": "run_id"}),
    "searches/<uuid:run_id>/compare/": Rule("object"),
    "searches/<uuid:run_id>/models/<uuid:model_id>/try/": Rule("object"),
    # 404: that of the walk has no maps; tests/unit/pages/test_try.py asks with one that has
    "searches/<uuid:run_id>/models/<uuid:model_id>/maps.onnx": Rule("object", frozenset({404})),
    "searches/<uuid:run_id>/candidates/<int:number>/drawing.svg": Rule("object"),
    "devices/": Rule("account"),
    "devices/new/": Rule("account"),
    "devices/<uuid:device_id>/": Rule("object"),
    "devices/<uuid:device_id>/script/": Rule("object", viewer=frozenset({409})),
    "devices/<uuid:device_id>/table/": Rule(
        "object", frozenset({302})
    ),  # that of the walk is not measured yet
    # A link is the whole permission, and this one is nobody's; tests/unit/devices asks with real ones.
    "measure/<str:token>/": Rule("public", frozenset({404})),
    "measure/<str:token>/bundle/": Rule("public", frozenset({404})),
    "measure/<str:token>/progress/": Rule("public", frozenset({405})),
    "measure/<str:token>/timings/": Rule("public", frozenset({405})),
}
# Third-party pages behind one rule: whatever they add, it must fit.
PREFIXES = {
    "accounts/": Rule("public", frozenset({200, 302, 404, 405})),
    "admin/login/": Rule("public", frozenset({200, 302, 403})),  # on to the site's own sign-in
    "admin/": Rule("staff"),
}
TUS = {"Tus-Resumable": "1.0.0"}
# Addresses of a protocol that has methods of its own; they answer like the API.
UPLOADS = {
    "POST /uploads": Rule("account", frozenset({201}), headers={**TUS, "Upload-Length": "10"}),
    "POST /uploads/": Rule("account", frozenset({201}), headers={**TUS, "Upload-Length": "10"}),
    # An upload is its sender's alone, whatever the data set is shared with.
    "HEAD /uploads/{upload_id}/": Rule("object", headers=TUS, **NOT_SHARED),
    "DELETE /uploads/{upload_id}/": Rule("object", frozenset({204}), headers=TUS, **NOT_SHARED),
    # 501: the entry of the web process takes the body, and a test client does not come in by it
    "PATCH /uploads/{upload_id}/": Rule(
        "object",
        frozenset({501}),
        headers={**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"},
        **NOT_SHARED,
    ),
}
SEARCH = {"minutes": 5, "goal": "balanced", "baselines": True, "strategy": "random", "space": "lite-elastic"}
S = "/api/v1/searches"
D = "/api/v1/datasets"
OPERATIONS = {
    "GET /api/v1/": Rule("public", frozenset({404})),  # ninja's root, which answers nothing
    "GET /api/v1/openapi.json": Rule("public"),
    "GET /api/v1/client.py": Rule("public"),
    "GET /api/v1/devices": Rule("account"),
    "POST /api/v1/devices": Rule(
        "account", frozenset({201}), body={"name": "mine", "spaces": ["nasbench201"]}
    ),
    "GET /api/v1/devices/{device_id}": Rule("object"),
    "DELETE /api/v1/devices/{device_id}": Rule("object", frozenset({204})),
    "POST /api/v1/devices/{device_id}/link": Rule("object", frozenset({201})),
    # that of the walk is not measured yet
    "GET /api/v1/devices/{device_id}/table.json": Rule("object", frozenset({404})),
    f"GET {D}": Rule("account"),
    f"POST {D}": Rule("account", frozenset({201}), upload=True),
    f"GET {D}/{{dataset_id}}": Rule("object"),
    f"DELETE {D}/{{dataset_id}}": Rule("object", frozenset({204, 422})),
    f"GET {D}/{{dataset_id}}/findings": Rule("object"),
    f"GET {D}/{{dataset_id}}/findings.csv": Rule("object"),
    f"GET {D}/{{dataset_id}}/images": Rule("object"),
    f"GET {D}/{{dataset_id}}/thumbnails/{{row}}": Rule("object"),
    f"POST {D}/drafts": Rule(
        "account", frozenset({201}), body={"name": "mine", "confirm": True, "n_uploads": 2}
    ),
    "GET /api/v1/public-sets": Rule("account"),
    "POST /api/v1/public-sets/{key}": Rule("account", frozenset({201})),
    f"GET {D}/{{dataset_id}}/preview": Rule("object"),
    # 422: it was imported already
    f"POST {D}/{{dataset_id}}/preview": Rule("object", frozenset({422}), body={"interpretation": {}}),
    f"POST {D}/{{dataset_id}}/import": Rule("object", frozenset({422}), body={"interpretation": {}}),
    f"GET {D}/{{dataset_id}}/sheet": Rule("object", query={"rows": "rows"}),
    f"GET {D}/{{dataset_id}}/map": Rule("object"),
    f"GET {D}/{{dataset_id}}/findings/kinds": Rule("object"),
    f"POST {D}/{{dataset_id}}/findings/dismiss": Rule("object", body={"ids": "#finding_ids"}),
    # 422: nothing of this kind was found
    f"POST {D}/{{dataset_id}}/findings/remedy": Rule("object", frozenset({422}), body={"kind": "odd-aspect"}),
    f"GET {D}/{{dataset_id}}/changes": Rule("object"),
    f"POST {D}/{{dataset_id}}/changes": Rule(
        "object", frozenset({201}), body={"kind": "exclude", "rows": [2]}
    ),
    f"POST {D}/{{dataset_id}}/changes/undo": Rule("object"),
    f"GET {D}/{{dataset_id}}/versions": Rule("object"),
    f"POST {D}/{{dataset_id}}/versions": Rule("object", frozenset({202})),
    f"GET {D}/{{dataset_id}}/versions/{{first}}/compare/{{second}}": Rule("object"),
    # 422: a zip without a class is no photo of one
    f"POST {D}/{{dataset_id}}/photos": Rule("object", frozenset({422}), upload=True),
    f"POST {D}/{{dataset_id}}/recheck": Rule("object", frozenset({202})),
    "GET /api/v1/uploads": Rule("account"),
    f"GET {S}": Rule("account"),
    f"POST {S}": Rule("object", frozenset({201}), body={"dataset_id": "$dataset_id", "seed": 0, **SEARCH}),
    f"GET {S}/{{run_id}}": Rule("object"),
    f"DELETE {S}/{{run_id}}": Rule("object", frozenset({204, 422})),
    f"POST {S}/{{run_id}}/stop": Rule("object", frozenset({202})),
    f"POST {S}/{{run_id}}/resume": Rule("object", frozenset({202, 422})),
    f"POST {S}/{{run_id}}/pause": Rule("object", frozenset({202, 422})),
    f"POST {S}/{{run_id}}/extend": Rule("object", frozenset({202, 422}), body={"minutes": 5}),
    f"GET {S}/{{run_id}}/candidates/{{number}}": Rule("object"),
    f"GET {S}/{{run_id}}/earlier": Rule("object"),
    f"GET {S}/{{run_id}}/front": Rule("object"),
    f"GET {S}/{{run_id}}/events": Rule("object"),
    f"GET {S}/{{run_id}}/candidates": Rule("object"),
    f"GET {S}/{{run_id}}/chart": Rule("object"),
    f"GET {S}/{{run_id}}/models": Rule("object"),
    # 422: without a broker the export is refused with a sentence
    f"POST {S}/{{run_id}}/candidates/{{number}}/export": Rule("object", frozenset({202, 422, 503})),
    f"GET {S}/{{run_id}}/models/{{model_id}}/files/{{name}}": Rule("object"),
    f"GET {S}/{{run_id}}/models/{{model_id}}/bundle.zip": Rule("object"),
    f"GET {S}/{{run_id}}/report.html": Rule("object"),
    f"GET {S}/{{run_id}}/report.json": Rule("object"),
}
