"""Where webhooks may go: addresses of the public internet, and hosts that the operator names.

Whoever may type an address could otherwise make this server ask its own neighbours: databases, routers, the
metadata service of a cloud. So the name is resolved here, every address that it has must be public, and the
connection goes to the very address that was looked at: a name that resolves differently a moment later gains
nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

MOST_SIGNS: Final = 500

_PORTS: Final = {"http": 80, "https": 443}
_TUNNELS: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10", "::/96")
)
"""IPv6 addresses that carry IPv4 ones, or are private by old rules."""


@dataclass(frozen=True)
class Target:
    """An address taken apart.

    Attributes:
        secure: True for https.
        host: As it was written, in lower case.
        port: Written or usual.
        path: Path and query, beginning with a slash.
    """

    secure: bool
    host: str
    port: int
    path: str

    @property
    def named(self) -> bool:
        """True if the operator allows this host by name, private or not."""
        return bool({self.host, f"{self.host}:{self.port}"} & set(settings.WEBHOOK_HOSTS))


def target_of(url: str) -> Target:
    """Takes an address apart without asking anybody.

    Raises:
        ValidationError: It is none that messages may go to.
    """
    if len(url) > MOST_SIGNS or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValidationError(
            _("Write the address in plain signs, at most %(n)s of them.") % {"n": MOST_SIGNS}
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValidationError(_("This is no web address. Write https://host/path.")) from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValidationError(_("This is no web address. Write https://host/path."))
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValidationError(_("Write the address without a user, a password and a #."))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = Target(parts.scheme == "https", parts.hostname, port or _PORTS[parts.scheme], path)
    if f"{target.host}:{target.port}" in settings.WEBHOOK_HOSTS or str(target.port) in settings.WEBHOOK_PORTS:
        return target
    ports = ", ".join(settings.WEBHOOK_PORTS)
    raise ValidationError(_("Messages go to the ports %(ports)s only. Use one of them.") % {"ports": ports})


def checked_address(target: Target) -> str:
    """Resolves the host; returns the address to connect to.

    Raises:
        ValidationError: It is unknown, or one of its addresses is not public.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ValidationError(_("This host is not known. Check the address.")) from error
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses:
        raise ValidationError(_("This host is not known. Check the address."))
    if not target.named and not all(is_public(address) for address in addresses):
        raise ValidationError(
            _("This address is inside a private network, where no message goes. Use one that is public.")
        )
    return addresses[0]


def is_public(address: str) -> bool:
    """True for addresses of the public internet that belong to one host."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if any(found in network for network in _TUNNELS):
            return False
    bad = found.is_private or found.is_loopback or found.is_link_local or found.is_multicast
    return found.is_global and not (bad or found.is_reserved or found.is_unspecified)
