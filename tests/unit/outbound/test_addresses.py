"""Which URLs are accepted from a caller, and which addresses are connected to."""

from ipaddress import ip_address

import pytest

from imagineart.errors import InvalidRequestError
from imagineart.outbound.addresses import MAX_URL_CHARACTERS, may_connect, parse_url


@pytest.mark.parametrize(
    ("text", "host", "port", "target"),
    [
        ("https://hooks.example.com", "hooks.example.com", 443, "/"),
        ("HTTPS://Hooks.Example.COM/Path", "hooks.example.com", 443, "/Path"),
        ("https://hooks.example.com:443/a", "hooks.example.com", 443, "/a"),
        ("https://hooks.example.com:8443/a?key=A%20b&x=[1]", "hooks.example.com", 8443, "/a?key=A%20b&x=[1]"),
        ("https://hooks.example.com?key=1", "hooks.example.com", 443, "/?key=1"),
        ("https://my_app.xn--bcher-kva.example/@user:x", "my_app.xn--bcher-kva.example", 443, "/@user:x"),
    ],
)  # fmt: skip
def test_a_public_url_is_accepted(text: str, host: str, port: int, target: str) -> None:
    url = parse_url("webhook_url", text, allows_loopback=False)
    assert (url.scheme, url.host, url.port, url.target) == ("https", host, port, target)
    assert parse_url("webhook_url", url.text, allows_loopback=False) == url


@pytest.mark.parametrize(
    "text",
    [
        "", "hooks.example.com", "//hooks.example.com/", "ftp://hooks.example.com/", "file:///etc/passwd",
        "https://", "https:///path", "https:hooks.example.com", "https:\\\\hooks.example.com",
        "http://hooks.example.com/", "http://localhost:8000/", "https://localhost/",
        # Addresses, in every spelling that some resolver reads
        "https://127.0.0.1/", "https://8.8.8.8/", "https://127.1/", "https://0177.0.0.1/", "https://0x7f.0.0.1/",
        "https://0x7f000001/", "https://2130706433/", "https://017700000001/", "https://0/",
        "https://127.0.0.1.:443/", "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/", "https://[fe80::1%25eth0]/", "https://[fd00:ec2::254]/",
        "https://1.1.1.1.0x1/", "https://a.b.1/", "https://169.254.169.254/latest/meta-data/",
        # Names that are none, or that only a private network knows
        "https://hooks/", "https://hooks.example.com./", "https://.example.com/", "https://a..example.com/",
        "https://-a.example.com/", "https://a-.example.com/", f"https://{'a' * 64}.example.com/",
        f"https://{'a.' * 124}example/",
        "https://*.example.com/",
        # Parts that are read differently by different parsers
        "https://user@hooks.example.com/", "https://user:pass@hooks.example.com/",
        "https://hooks.example.com@127.0.0.1/", "https://127.0.0.1#@hooks.example.com/",
        "https://hooks.example.com\\@127.0.0.1/", "https://hooks.example.com%2f@127.0.0.1/",
        "https://hooks.example.com%00.internal.example/", "https://hooks.example.com#fragment",
        "https://hooks.example.com/a b", "https://hooks.example.com/\r\nX-Injected: 1", " https://hooks.example.com/",
        "https://hooks.example.com/\n", "https://ho\toks.example.com/", "https://①②⑦.⓪.⓪.①/",
        "https://bücher.example/", "https://hooks.example.com/ü", "https://hooks。example.com/",
        # Ports
        "https://hooks.example.com:0/", "https://hooks.example.com:22/", "https://hooks.example.com:65536/",
        "https://hooks.example.com:/", "https://hooks.example.com:+443/", "https://hooks.example.com:443:443/",
        "https://hooks.example.com/" + "a" * MAX_URL_CHARACTERS,
    ],
)  # fmt: skip
def test_any_other_url_is_refused_by_field_and_without_its_secret(text: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse_url("webhook_url", text + ("&key=a-secret" if "?" in text else ""), allows_loopback=False)
    assert caught.value.message.startswith("webhook_url: got ")
    assert "allowed: " in caught.value.message
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_the_local_stack_alone_accepts_loopback_and_plain_http(host: str) -> None:
    url = parse_url("webhook_url", f"http://{host}:8000/hook", allows_loopback=True)
    assert url.text == f"http://{host}:8000/hook"
    for refused in (
        "http://hooks.example.com/",
        "https://10.0.0.1/",
        "https://hooks/",
        "http://127.0.0.2:8000/",
    ):
        with pytest.raises(InvalidRequestError):
            parse_url("webhook_url", refused, allows_loopback=True)


def test_no_part_of_a_url_is_in_its_representation() -> None:
    url = parse_url("webhook_url", "https://a-secret.example.com/key", allows_loopback=False)
    assert "secret" not in repr(url)
    assert "key" not in repr(url)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "52.95.110.1", "2600:1f18::1", "2a00:1450:4001::200e", "2001:4860:4860::8888"]
)  # fmt: skip
def test_an_address_on_the_internet_is_connected_to(address: str) -> None:
    assert may_connect(ip_address(address), allows_loopback=False)
    assert may_connect(ip_address(address), allows_loopback=True)


@pytest.mark.parametrize(
    "address",
    [
        # This host, private networks, shared address space
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1",
        "100.64.0.1", "100.127.0.1",
        # Link-local: the metadata of EC2, the credentials of ECS and EKS, AWS's resolver and clock
        "169.254.0.1", "169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.169.253",
        "169.254.169.123", "fd00:ec2::254", "fd00:ec2::23", "fd00:ec2::253", "fe80::1",
        "fe80::1%eth0",
        # Protocol assignments, documentation, benchmarks, reserved, multicast, broadcast
        "192.0.0.1", "192.0.0.9", "192.0.0.10", "192.0.2.1", "198.51.100.1", "203.0.113.1",
        "198.18.0.1", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "2001:db8::1", "3fff::1", "100::1", "5f00::1", "fec0::1", "fc00::1", "fd12:3456::1",
        "ff02::1", "ff0e::1",
        # IPv6 that carries IPv4: mapped, compatible, translated, NAT64 of both prefixes, 6to4, Teredo, ISATAP
        "::", "::ffff:8.8.8.8", "::ffff:169.254.169.254", "::127.0.0.1", "::8.8.8.8",
        "::ffff:0:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::10.0.0.1",
        "2002:7f00:1::1", "2002:808:808::1", "2001:0:7f00:1::1", "2001::1", "fe80::5efe:10.0.0.1",
    ],
)  # fmt: skip
def test_no_other_address_is_ever_connected_to(address: str) -> None:
    assert not may_connect(ip_address(address), allows_loopback=False)
    assert not may_connect(ip_address(address), allows_loopback=True)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_for_the_local_stack(address: str) -> None:
    assert may_connect(ip_address(address), allows_loopback=True)
    assert not may_connect(ip_address(address), allows_loopback=False)
