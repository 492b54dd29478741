"""Every page that the tests of accessibility and weight open; a new page is one more line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Who = Literal["nobody", "newcomer", "owner"]


@dataclass(frozen=True)
class SitePage:
    """One page.

    Attributes:
        name: For the test's report.
        path: Its address; `{finished}` and the like are ids of `tests.browser.world`.
        who: "newcomer" owns nothing yet.
        ready: Selector of something that is there once the page has drawn itself.
        status: Of the answer.
    """

    name: str
    path: str
    who: Who = "owner"
    ready: str = "main h1"
    status: int = 200

    def __str__(self) -> str:
        """Returns the name."""
        return self.name


PAGES = (
    SitePage("sign-in", "/accounts/login/", "nobody"),
    SitePage("sign-up", "/accounts/signup/", "nobody"),
    SitePage("password-reset", "/accounts/password/reset/", "nobody"),
    SitePage("password-reset-done", "/accounts/password/reset/done/", "nobody"),
    SitePage("password-reset-key", "/accounts/password/reset/key/1-wrong/", "nobody"),
    SitePage("not-found", "/nowhere/", "nobody", status=404),
    SitePage("home-empty", "/", "newcomer"),
    SitePage("list-empty", "/searches/", "newcomer"),
    SitePage("new-empty", "/searches/new/", "newcomer"),
    SitePage("datasets-empty", "/datasets/", "newcomer"),
    SitePage("devices-empty", "/devices/", "newcomer"),
    SitePage("home", "/"),
    SitePage("list", "/searches/"),
    SitePage("list-nothing-fits", "/searches/?state=STOPPED"),
    SitePage("new", "/searches/new/", ready="#estimate dl"),
    SitePage("live-running", "/searches/{running}/", ready="#chart canvas"),
    SitePage("live-finished", "/searches/{finished}/", ready="#chart canvas"),
    SitePage("live-failed", "/searches/{failed}/"),
    SitePage("result", "/searches/{finished}/result/", ready="#chart .point"),
    SitePage("model", "/searches/{finished}/models/{model}/"),
    SitePage("try", "/searches/{finished}/models/{model}/try/", ready="[data-when-ready]:enabled"),
    SitePage("compare", "/searches/compare/?a={finished}&b={running}"),
    SitePage("compare-networks", "/searches/{finished}/compare/?a=9&b=10"),
    SitePage("datasets", "/datasets/"),
    SitePage("upload", "/datasets/new/"),
    SitePage("dataset-overview", "/datasets/{dataset}/"),
    SitePage("dataset-findings", "/datasets/{dataset}/?tab=findings", ready=".finding"),
    SitePage("dataset-photos", "/datasets/{dataset}/?tab=photos", ready=".photo"),
    SitePage("dataset-map", "/datasets/{dataset}/?tab=map"),
    SitePage("dataset-versions", "/datasets/{dataset}/?tab=versions"),
    SitePage("devices", "/devices/"),
    SitePage("device", "/devices/{device}/"),
    SitePage("device-new", "/devices/new/"),
    SitePage("account", "/account/"),
    SitePage("account-delete", "/account/delete/"),
    SitePage("account-tokens", "/account/tokens/"),
    SitePage("account-webhooks", "/account/webhooks/"),
    SitePage("account-factors", "/accounts/2fa/"),
    SitePage("account-sessions", "/accounts/sessions/"),
    SitePage("teams", "/teams/"),
    SitePage("audit", "/audit/"),
    SitePage("account-email", "/accounts/email/"),
    SitePage("account-password", "/accounts/password/set/"),
    SitePage("sign-out", "/accounts/logout/"),
    SitePage("style-guide", "/styleguide/"),
)
