"""Signing in: limits, what the answers give away, sessions, second factors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from datasets_app.models import Action, AuditEntry
from tests.factories import UserFactory

ClientOf = Callable[[User | None], Client]
PASSWORD = "correct horse battery"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


def sign_in(
    client: Client, email: str, password: str = PASSWORD, following: str = "", **extra: Any
) -> HttpResponse:
    values = {"login": email, "password": password, **({"next": following} if following else {})}
    return client.post("/accounts/login/", values, **extra)


def signed_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def plain(answer: HttpResponse) -> str:
    """The page without what differs between any two requests."""
    text = re.sub(r'(nonce|value|content)="[^"]*"', "", answer.content.decode())
    return re.sub(r"[\w.]+@example\.org", "ADDRESS", text)


def test_an_account_is_closed_for_a_while_after_five_wrong_passwords(owner: User) -> None:
    for number in range(5):  # from five places: it is the account that is counted
        sign_in(Client(), owner.email, "wrong", REMOTE_ADDR=f"198.51.100.{number}")
    refused = sign_in(Client(), owner.email, REMOTE_ADDR="198.51.100.99")
    assert refused.status_code == 200
    assert "Too many failed login attempts" in refused.content.decode()
    assert AuditEntry.objects.filter(action=Action.SIGN_IN_FAILED, actor=owner.username).count() == 5


def test_an_address_that_tries_many_accounts_is_refused(owner: User) -> None:
    answers = [sign_in(Client(), f"person{n}@example.org", "wrong") for n in range(12)]
    assert "Too many failed login attempts" in answers[-1].content.decode()
    elsewhere = Client()
    assert sign_in(elsewhere, owner.email, REMOTE_ADDR="198.51.100.9").status_code == 302
    assert signed_in(elsewhere)


def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(owner: User, settings: Any) -> None:
    sign_in(Client(), owner.email, "wrong", headers={"X-Forwarded-For": "203.0.113.7"})
    assert AuditEntry.objects.first().ip == "127.0.0.1"
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    sign_in(Client(), owner.email, "wrong", headers={"X-Forwarded-For": "1.2.3.4, 203.0.113.7"})
    assert AuditEntry.objects.first().ip == "203.0.113.7"


def test_sign_in_does_not_tell_whether_an_account_exists(owner: User) -> None:
    known = sign_in(Client(), owner.email, "wrong")
    unknown = sign_in(Client(), "nobody@example.org", "wrong")
    assert known.status_code == unknown.status_code == 200
    assert plain(known) == plain(unknown)


def test_a_reset_does_not_tell_whether_an_account_exists(owner: User) -> None:
    known = Client().post("/accounts/password/reset/", {"email": owner.email}, follow=True)
    unknown = Client().post("/accounts/password/reset/", {"email": "nobody@example.org"}, follow=True)
    assert known.redirect_chain == unknown.redirect_chain
    assert plain(known) == plain(unknown)
    assert [message.to for message in mail.outbox] == [[owner.email], ["nobody@example.org"]]


def test_sign_up_does_not_tell_where_addresses_are_confirmed(owner: User, settings: Any) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    answers = [
        Client().post(
            "/accounts/signup/",
            {"email": email, "password1": "quiet otter 77", "password2": "quiet otter 77"},
            follow=True,
        )
        for email in (owner.email, "new@example.org")
    ]
    assert answers[0].redirect_chain == answers[1].redirect_chain
    assert plain(answers[0]) == plain(answers[1])
    assert User.objects.filter(email=owner.email).count() == 1


def test_the_session_gets_a_new_key_at_sign_in_and_with_a_new_password(owner: User) -> None:
    client = Client()
    client.get("/accounts/login/")
    session = client.session
    session["before"] = "x"
    session.save()
    planted = session.session_key
    client.cookies["automl_sessionid"] = planted
    sign_in(client, owner.email)
    first = client.session.session_key
    assert signed_in(client)
    assert first != planted
    new = {"oldpassword": PASSWORD, "password1": "quiet otter 77", "password2": "quiet otter 77"}
    assert client.post("/accounts/password/change/", new).status_code == 302
    assert client.session.session_key != first
    assert signed_in(client)


def test_a_new_password_ends_all_other_sessions(owner: User) -> None:
    mine, other = Client(), Client()
    sign_in(mine, owner.email)
    sign_in(other, owner.email)
    new = {"oldpassword": PASSWORD, "password1": "quiet otter 77", "password2": "quiet otter 77"}
    mine.post("/accounts/password/change/", new)
    assert signed_in(mine)
    assert not signed_in(other)
    assert AuditEntry.objects.filter(action=Action.PASSWORD, actor_id=owner.pk).count() == 1


def test_sessions_are_listed_and_the_others_signed_out(owner: User) -> None:
    mine, other = Client(), Client()
    sign_in(mine, owner.email, headers={"User-Agent": "Otter browser"})
    sign_in(other, owner.email, headers={"User-Agent": "<b>Badger</b>"})
    page = mine.get("/accounts/sessions/").content.decode()
    assert "Otter browser" in page
    assert "&lt;b&gt;Badger&lt;/b&gt;" in page
    mine.post("/accounts/sessions/")
    assert signed_in(mine)
    assert not signed_in(other)


def test_nobody_is_sent_elsewhere_after_signing_in(owner: User) -> None:
    for target in ("https://evil.example/", "//evil.example", "https:evil.example", "\\\\evil.example"):
        assert sign_in(Client(), owner.email, following=target)["Location"] == "/"
    assert sign_in(Client(), owner.email, following="/devices/")["Location"] == "/devices/"


def test_the_administration_has_no_sign_in_of_its_own(owner: User, client_of: ClientOf) -> None:
    answer = Client().post("/admin/login/", {"username": owner.username, "password": PASSWORD})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")
    assert client_of(owner).get("/admin/login/").status_code == 403


def code_of(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return f"{hotp_value(secret, counter):06d}"


@pytest.fixture
def guarded(owner: User) -> tuple[User, str, list[str]]:
    """The owner with an authenticator app: its secret, and the recovery codes."""
    secret = generate_totp_secret()
    TOTP.activate(owner, secret)
    return owner, secret, RecoveryCodes.activate(owner).get_unused_codes()


def test_the_second_factor_is_asked_for(guarded: tuple[User, str, list[str]]) -> None:
    user, secret, codes = guarded
    client = Client()
    answer = sign_in(client, user.email)
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert not signed_in(client)
    assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert not signed_in(client)
    assert AuditEntry.objects.filter(action=Action.MFA_FAILED).count() == 1
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert signed_in(client)
    again = Client()
    sign_in(again, user.email)
    again.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert signed_in(again)
    third = Client()
    sign_in(third, user.email)
    third.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert not signed_in(third), "a recovery code is good once"


def test_an_authenticator_app_is_set_up(owner: User, django_capture_on_commit_callbacks: Any) -> None:
    client = Client()
    sign_in(client, owner.email)
    answer = client.get("/accounts/2fa/totp/activate/")
    assert "reauthenticate" in answer["Location"]
    answer = client.post(answer["Location"], {"password": PASSWORD}, follow=True)
    assert answer.redirect_chain[-1][0] == "/accounts/2fa/totp/activate/"
    page = answer.content.decode()
    secret = client.session["mfa.totp.secret"]
    assert secret in page
    assert "data:image/svg+xml" in page
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    assert set(Authenticator.objects.values_list("type", flat=True)) == {"totp", "recovery_codes"}
    assert AuditEntry.objects.filter(action=Action.MFA_ADDED, actor_id=owner.pk, detail="totp").exists()
    for page in ("", "webauthn/", "recovery-codes/", "webauthn/add/"):
        assert client.get(f"/accounts/2fa/{page}").status_code == 200, page


def test_changing_factors_wants_a_fresh_sign_in(owner: User, guarded: tuple[User, str, list[str]]) -> None:
    client = Client()
    sign_in(client, owner.email)
    client.post("/accounts/2fa/authenticate/", {"code": guarded[2][0]})
    answer = client.post("/accounts/2fa/totp/deactivate/")
    assert "reauthenticate" in answer["Location"]
    assert Authenticator.objects.filter(type="totp").exists()


def test_passkeys_are_offered_at_the_sign_in(owner: User) -> None:
    page = Client().get("/accounts/login/").content.decode()
    assert 'id="passkey_login"' in page
    options = Client().get("/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"})
    options = options.json()["request_options"]["publicKey"]
    assert options["rpId"] == "testserver"
    assert not options.get("allowCredentials"), "it names no account's keys"


def test_signing_out_and_signing_up_are_written_down(db: None) -> None:
    client = Client()
    values = {"email": "new@example.org", "password1": "quiet otter 77", "password2": "quiet otter 77"}
    client.post("/accounts/signup/", values)
    client.post("/accounts/logout/")
    told = set(AuditEntry.objects.values_list("action", flat=True))
    assert {Action.SIGN_UP, Action.SIGN_IN, Action.SIGN_OUT} <= told


def test_what_was_typed_wrong_is_not_kept(db: None) -> None:
    UserFactory(username="ada", email="ada@example.org")
    sign_in(Client(), "my secret password 1", "ada@example.org")
    sign_in(Client(), "hunter2@example.org", "x")
    kept = " ".join(str(value) for row in AuditEntry.objects.values_list() for value in row)
    assert "my secret" not in kept
    assert "hunter2" not in kept
