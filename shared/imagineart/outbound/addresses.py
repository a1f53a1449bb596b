"""Which URLs a caller may give, and which addresses may be connected to for them.

A URL is checked when it is given, and its addresses each time it is used: what a name resolves to can change
in between. Sources: https://www.iana.org/assignments/iana-ipv4-special-registry and
https://www.iana.org/assignments/iana-ipv6-special-registry
"""

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final, TypeAlias

from imagineart.errors import InvalidRequestError
from imagineart.quoting import shown

MAX_URL_CHARACTERS: Final = 2048
IpAddress: TypeAlias = IPv4Address | IPv6Address

_LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_LOWEST_FREE_PORT: Final = 1024

# One expression reads a URL, and its parts are what is connected to, so that no two parsers can differ.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[::1\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>[/?][a-z0-9/?:@!$&'()*+,;=%\[\]._~-]*)?",
    re.IGNORECASE | re.ASCII,
)
# The last label begins with a letter: 127.1, 2130706433 and 0x7f000001 are addresses, and no names.
_HOST_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_PUBLIC_IPV6: Final = ip_network("2000::/3")
_REFUSED: Final = tuple(
    ip_network(network)
    for network in (
        # Protocol assignments, and the relays of 6to4, parts of which Python counts as global.
        "192.0.0.0/24",
        "192.88.99.0/24",
        # Teredo and 6to4, which carry an IPv4 address that may be any. NAT64, IPv4-mapped and IPv4-compatible
        # addresses are outside of 2000::/3.
        "2001::/23",
        "2002::/16",
        # Documentation, which Python does not know yet.
        "3fff::/20",
    )
)


@dataclass(frozen=True, slots=True)
class OutboundUrl:
    """The parts of a checked URL. They may hold a secret, so that no part is in the representation."""

    scheme: str = field(repr=False)
    host: str = field(repr=False)
    port: int = field(repr=False)
    target: str = field(repr=False)

    @property
    def authority(self) -> str:
        """The value of the header Host."""
        return self.host if self.port == _DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def text(self) -> str:
        """The whole URL."""
        return f"{self.scheme}://{self.authority}{self.target}"


def parse_url(field: str, text: str, *, allows_loopback: bool) -> OutboundUrl:
    """The URL that a caller gives in `field`. Raises InvalidRequestError, which quotes its host at most.

    Hosts are names, so that odd spellings of addresses do not arise; `allows_loopback` adds plain HTTP and
    the hosts of loopback, for the local stack.
    """
    found = _URL.fullmatch(text) if len(text) <= MAX_URL_CHARACTERS else None
    if found is None:
        raise InvalidRequestError(
            field,
            f"got no URL of this kind; allowed: https://<host>[:port][/path][?query] in ASCII, without user "
            f"name and fragment, of {MAX_URL_CHARACTERS} characters at most.",
        )
    scheme, host = found["scheme"].lower(), found["host"].lower()
    is_local = allows_loopback and host in _LOOPBACK_HOSTS
    if scheme == "http" and not is_local:
        raise InvalidRequestError(field, "got 'http'; allowed: https.")
    if not (is_local or _HOST_NAME.fullmatch(host)):
        raise InvalidRequestError(
            field, f"got the host {shown(host)}; allowed: a public host name, such as hooks.example.com."
        )
    port = int(found["port"] or _DEFAULT_PORTS[scheme])
    if not (port == _DEFAULT_PORTS[scheme] or _LOWEST_FREE_PORT <= port <= 65_535):
        raise InvalidRequestError(field, f"got the port {port}; allowed: 443, {_LOWEST_FREE_PORT} to 65535.")
    target = found["target"] or "/"
    return OutboundUrl(scheme, host, port, target if target.startswith("/") else f"/{target}")


def may_connect(address: IpAddress, *, allows_loopback: bool) -> bool:
    """Whether the address is that of a host on the Internet: no private, local, metadata or special one."""
    if address.is_loopback:
        return allows_loopback
    if isinstance(address, IPv6Address) and address not in _PUBLIC_IPV6:
        return False
    is_special = address.is_multicast or any(address in network for network in _REFUSED)
    return address.is_global and not is_special
