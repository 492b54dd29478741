"""Webhooks: signed, retried, bounded, and never into a private network."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import F
from django.utils import timezone

from search_app import webhook_addresses, webhook_wire, webhooks
from search_app.models import SearchRun, WebhookDelivery, WebhookEndpoint
from search_app.webhook_addresses import checked_address, is_public, target_of
from search_app.webhook_keys import secret_of, signature
from search_app.webhook_sending import LEASE, claim_due, send
from search_app.webhooks import (
    WAITS,
    queue_ends,
    webhook_create,
    webhook_switch,
    webhook_test,
    webhooks_begin_anew,
)
from tests.factories import SearchRunFactory

State = WebhookDelivery.State


class Receiver:
    """A real server that keeps what it gets; `answer` says what it answers."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], str]] = []
        self.status = 200
        self.drips = False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                if receiver.drips:
                    self._drip()
                    return
                self.send_response(receiver.status)
                if receiver.status in {301, 302, 307}:
                    self.send_header("Location", f"http://localhost:{receiver.port}/elsewhere")
                self.end_headers()

            def _drip(self) -> None:
                try:
                    for _ in range(100):
                        self.wfile.write(b"H")
                        time.sleep(0.05)
                except OSError:
                    pass

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://localhost:{self.port}/hook?a=1"
        threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True).start()


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    found = Receiver()
    settings.WEBHOOK_HOSTS = [f"localhost:{found.port}"]
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def ended(owner: User) -> Callable[..., SearchRun]:
    def make(state: str = SearchRun.State.DONE, **values: Any) -> SearchRun:
        run: SearchRun = SearchRunFactory(owner=owner, state=state, finished_at=timezone.now(), **values)
        return run

    return make


def deliver() -> None:
    for delivery in claim_due():
        send(delivery)


@pytest.mark.django_db(transaction=True)
def test_the_name_is_looked_up_outside_of_the_transaction(
    owner: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []

    def look_up(_target: Any) -> str:
        held.append(connection.in_atomic_block)
        return "127.0.0.1"

    monkeypatch.setattr(webhooks, "checked_address", look_up)
    webhook_create(owner=owner, url=receiver.url)
    assert held == [False]


def test_the_signature_is_that_of_standard_webhooks() -> None:
    # The example of the specification's own libraries.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    made = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("state", "kind"), [("DONE", "search.done"), ("FAILED", "search.failed"), ("STOPPED", "search.stopped")]
)
def test_an_end_is_told_once_and_signed(
    owner: User, receiver: Receiver, ended: Any, state: str, kind: str
) -> None:
    _endpoint, secret = webhook_create(owner=owner, url=receiver.url)
    run = ended(state)
    assert [queue_ends(), queue_ends()] == [1, 0]
    deliver()
    deliver()
    ((headers, body),) = receiver.got
    told = json.loads(body)
    assert (told["type"], told["data"]["search_id"]) == (kind, str(run.pk))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    right = hmac.new(b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + b64encode(right).decode()
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert headers["host"] == f"localhost:{receiver.port}"
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.status, delivery.tries) == (State.DELIVERED, 200, 1)


def test_a_run_that_goes_on_and_ends_again_is_told_again(owner: User, receiver: Receiver, ended: Any) -> None:
    webhook_create(owner=owner, url=receiver.url)
    run = ended("FAILED")
    queue_ends()
    SearchRun.objects.filter(pk=run.pk).update(state="DONE", fence=F("fence") + 1, finished_at=timezone.now())
    assert queue_ends() == 1


def test_only_the_owner_is_told_and_only_of_what_comes_after(
    owner: User, stranger: User, receiver: Receiver, ended: Any
) -> None:
    ended()
    webhook_create(owner=owner, url=receiver.url)
    webhook_create(owner=stranger, url=receiver.url)
    off, _secret = webhook_create(owner=owner, url=receiver.url)
    WebhookEndpoint.objects.filter(pk=off.pk).update(active=False)
    assert queue_ends() == 0
    ended()
    assert queue_ends() == 1
    assert WebhookDelivery.objects.get().endpoint.owner == owner


def test_what_fails_is_tried_again_later_and_given_up_in_the_end(
    owner: User, receiver: Receiver, ended: Any
) -> None:
    webhook_create(owner=owner, url=receiver.url)
    ended()
    queue_ends()
    receiver.status = 500
    deliver()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.status, delivery.tries) == (State.PENDING, 500, 1)
    assert delivery.next_at > timezone.now() + timedelta(seconds=WAITS[0] - 5)
    deliver()
    assert len(receiver.got) == 1  # not yet
    for _ in WAITS:
        WebhookDelivery.objects.update(next_at=timezone.now())
        deliver()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries) == (State.FAILED, len(WAITS) + 1)
    ids = {headers["webhook-id"] for headers, _body in receiver.got}
    assert ids == {str(delivery.pk)}


def test_redirects_are_not_followed_and_gone_switches_off(
    owner: User, receiver: Receiver, ended: Any
) -> None:
    endpoint, _secret = webhook_create(owner=owner, url=receiver.url)
    ended()
    queue_ends()
    receiver.status = 302
    deliver()
    assert len(receiver.got) == 1
    assert WebhookDelivery.objects.get().state == State.PENDING
    WebhookDelivery.objects.update(next_at=timezone.now())
    receiver.status = 410
    deliver()
    endpoint.refresh_from_db()
    assert not endpoint.active
    assert WebhookDelivery.objects.get().state == State.FAILED


def test_a_receiver_that_drips_is_cut_off(
    owner: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_wire, "WHOLE_SECONDS", 0.3)
    endpoint, _secret = webhook_create(owner=owner, url=receiver.url)
    webhook_test(endpoint=endpoint)
    receiver.drips = True
    began = time.monotonic()
    deliver()
    assert time.monotonic() - began < 4
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.status) == (State.FAILED, None)
    assert delivery.problem.startswith("No answer")


def test_a_person_with_dead_endpoints_holds_up_nobody_else(
    owner: User, stranger: User, receiver: Receiver
) -> None:
    mine = [webhook_create(owner=owner, url=receiver.url)[0] for _ in range(6)]
    other, _secret = webhook_create(owner=stranger, url=receiver.url)
    for endpoint in (*mine, other):
        webhook_test(endpoint=endpoint)
    claimed = claim_due()
    assert sorted(one.endpoint.owner.username for one in claimed) == ["owner", "stranger"]
    assert claim_due() == []  # while these are on their way nothing else of the two is taken
    WebhookDelivery.objects.filter(lease_until__isnull=False).update(lease_until=timezone.now() - LEASE)
    assert len(claim_due()) == 2  # senders that died


def test_neither_a_pause_nor_a_restore_is_made_up_for(owner: User, receiver: Receiver, ended: Any) -> None:
    endpoint, _secret = webhook_create(owner=owner, url=receiver.url)
    ended()
    queue_ends()
    webhooks_begin_anew()
    SearchRun.objects.update(fence=F("fence") + 1)  # as a restore does
    assert (queue_ends(), claim_due()) == (0, [])
    webhook_switch(endpoint=endpoint, active=False)
    ended()
    webhook_switch(endpoint=endpoint, active=True)
    assert queue_ends() == 0
    ended()
    assert queue_ends() == 1


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
     "0.0.0.0",  # noqa: S104 - not bound to
     "255.255.255.255", "192.0.0.1", "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0",
     "fc00::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1",
     "2002:7f00:1::", "2001:0:1::1", "::127.0.0.1", "fd00:ec2::254", "2001:db8::1", "nonsense"],
)  # fmt: skip
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/", "file:///etc/passwd", "gopher://example.org", "example.org", "http://", "http://[::1",
     "https://user:word@example.org/", "https://example.org/#x", "https://example.org:22/",
     "https://example.org:x/",
     "https://example.org/\r\nX: y", "https://exa mple.org/",
     "https://ex\u00e4mple.org/", "http:\\\\example.org\\",
     "https://example.org/" + "x" * 500, "javascript:alert(1)"],
)  # fmt: skip
def test_addresses_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        target_of(url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://2130706433/", "http://0x7f.1/",
            "http://127.1/", "http://0/", "http://[::ffff:10.0.0.1]/"]
)  # fmt: skip
def test_names_of_private_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        checked_address(target_of(url))


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(host: str, port: int, **_more: Any) -> list[Any]:
        return [(2, 1, 6, "", (address, port)) for address in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(webhook_addresses.socket, "getaddrinfo", both)
    with pytest.raises(ValidationError):
        checked_address(target_of("https://example.org/"))


def test_the_connection_goes_to_the_address_that_was_checked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: str, port: int, *args: Any, **more: Any) -> list[Any]:
        asked.append(host)
        if host == "localhost" and asked.count("localhost") > 1:
            raise AssertionError("resolved a second time")
        return (
            [(2, 1, 6, "", ("127.0.0.1", port))] if host == "localhost" else real(host, port, *args, **more)
        )

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert webhook_wire.post(target_of(receiver.url), "{}", {}) == 200


def test_a_name_that_turns_private_later_is_not_reached(
    owner: User, receiver: Receiver, settings: Any, ended: Any
) -> None:
    webhook_create(owner=owner, url=receiver.url)
    ended()
    queue_ends()
    settings.WEBHOOK_HOSTS = []
    settings.WEBHOOK_PORTS = [str(receiver.port)]
    deliver()
    assert receiver.got == []
    assert "private" in WebhookDelivery.objects.get().problem


def test_no_table_holds_a_secret(owner: User, receiver: Receiver) -> None:
    endpoint, secret = webhook_create(owner=owner, url=receiver.url)
    assert secret == secret_of(endpoint.salt)
    kept = str(WebhookEndpoint.objects.filter(pk=endpoint.pk).values_list()[0])
    assert secret.removeprefix("whsec_") not in kept


def test_the_pages_make_test_resend_and_delete(
    owner: User, stranger: User, receiver: Receiver, client_of: Any
) -> None:
    client, other = client_of(owner), client_of(stranger)
    assert client.post("/account/webhooks/", {"url": "http://10.0.0.1/"}).status_code == 422
    made = client.post("/account/webhooks/", {"url": receiver.url})
    assert made.context["secret"] in made.content.decode()
    endpoint = WebhookEndpoint.objects.get()
    page = f"/account/webhooks/{endpoint.pk}/"
    assert made.context["secret"] not in client.get("/account/webhooks/").content.decode()
    client.post(page, {"action": "test"})
    deliver()
    assert "Delivered" in client.get(page).content.decode()
    delivery = WebhookDelivery.objects.get()
    assert client.post(page, {"action": "resend", "delivery": str(delivery.pk)}).status_code == 302
    deliver()
    assert len(receiver.got) == 2
    for action in ("test", "delete", "off"):
        assert other.post(page, {"action": action}).status_code == 404
    assert client.post(page, {"action": "resend", "delivery": "x"}).status_code == 404
    client.post(page, {"action": "off"})
    endpoint.refresh_from_db()
    assert not endpoint.active
    client.post(page, {"action": "delete"})
    assert not WebhookEndpoint.objects.exists()
