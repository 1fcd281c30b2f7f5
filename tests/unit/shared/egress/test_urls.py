"""Which URLs may be sent to, and what is told about the others."""

from ipaddress import ip_address, ip_network

import pytest

from shared.egress.policy import EgressPolicy
from shared.egress.urls import Target, UrlRefused, check_url
from tests.unit.shared.egress.corpus import hostile_urls

# As strict as production, but for the canary's port: so that it is never the port alone that saves us.
PORT = 9443
STRICT = EgressPolicy(ports=frozenset({443, 8443, PORT}))
CORPUS = hostile_urls(PORT, "192.168.7.7")


def test_the_corpus_is_large() -> None:
    assert len({url for url, _ in CORPUS}) >= 250


@pytest.mark.parametrize(("url", "because"), CORPUS, ids=lambda text: text[:60])
def test_a_hostile_url_is_refused_and_told_what_would_be_right(url: str, because: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        check_url(url, STRICT)

    assert because in refused.value.reason


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://hooks.example.com", "hooks.example.com", 443, "/", "hooks.example.com"),
        ("https://hooks.example.com/", "hooks.example.com", 443, "/", "hooks.example.com"),
        ("HTTPS://Hooks.Example.COM/Path", "hooks.example.com", 443, "/Path", "hooks.example.com"),
        ("https://hooks.example.com:443/", "hooks.example.com", 443, "/", "hooks.example.com"),
        ("https://hooks.example.com:8443/a?b=c@d", "hooks.example.com", 8443, "/a?b=c@d", "hooks.example.com:8443"),
        ("https://hooks.example.com?a=//b", "hooks.example.com", 443, "/?a=//b", "hooks.example.com"),
        ("https://hooks.example.com//a/../b", "hooks.example.com", 443, "//a/../b", "hooks.example.com"),
        ("https://hooks.example.com/%00%0d%0a", "hooks.example.com", 443, "/%00%0d%0a", "hooks.example.com"),
        ("https://a--b.3com.example/", "a--b.3com.example", 443, "/", "a--b.3com.example"),
        ("https://r3---sn.example/", "r3---sn.example", 443, "/", "r3---sn.example"),
        ("https://bücher.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ("https://BÜCHER.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ("https://127.0.0.1.example.com/", "127.0.0.1.example.com", 443, "/", "127.0.0.1.example.com"),
        ("https://8.8.8.8/", "8.8.8.8", 443, "/", "8.8.8.8"),
        ("https://[2606:4700:4700:0::1111]/", "2606:4700:4700::1111", 443, "/", "[2606:4700:4700::1111]"),
        ("https://[2606:4700::1]:8443/", "2606:4700::1", 8443, "/", "[2606:4700::1]:8443"),
    ],
)
def test_what_is_read_from_a_good_url(url: str, host: str, port: int, path: str, authority: str) -> None:
    target = check_url(url, EgressPolicy())

    assert (target.scheme, target.host, target.port, target.path) == ("https", host, port, path)
    assert target.authority == authority


def test_an_address_is_kept_as_one() -> None:
    target = check_url("https://[2606:4700::1]/", EgressPolicy())

    assert target.address == ip_address("2606:4700::1")


def test_http_is_for_those_who_allow_it() -> None:
    target = check_url("http://hooks.example.com/", EgressPolicy(ports=frozenset({80}), allow_http=True))

    assert target == Target(scheme="http", host="hooks.example.com", port=80, path="/")


def test_the_refusal_of_a_scheme_names_all_that_are_allowed() -> None:
    with pytest.raises(UrlRefused, match=r"must start with https:// or http://$"):
        check_url("ftp://hooks.example.com/", EgressPolicy(allow_http=True))


def test_the_refusal_of_a_port_names_those_that_are_allowed() -> None:
    with pytest.raises(UrlRefused, match=r"must have a port that is one of 443, 8443$"):
        check_url("https://hooks.example.com:22/", EgressPolicy())


@pytest.mark.parametrize("port", ["1", "3000", "65535"])
def test_without_a_list_of_ports_every_port_is_allowed(port: str) -> None:
    assert check_url(f"https://hooks.example.com:{port}/", EgressPolicy(ports=frozenset())).port == int(port)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "00001"])
def test_what_is_no_port_is_refused_even_then(port: str) -> None:
    with pytest.raises(UrlRefused, match="from 1 to 65535"):
        check_url(f"https://hooks.example.com:{port}/", EgressPolicy(ports=frozenset()))


@pytest.mark.parametrize("host", ["10.1.2.3", "erp", "erp.internal", "localhost"])
def test_a_private_installation_reaches_the_networks_that_it_opens(host: str) -> None:
    private = EgressPolicy(allowed_networks=(ip_network("10.0.0.0/8"),))

    assert check_url(f"https://{host}/", private).host == host


def test_it_reaches_no_other_network() -> None:
    private = EgressPolicy(allowed_networks=(ip_network("10.0.0.0/8"),))

    with pytest.raises(UrlRefused, match=r"127\.0\.0\.1 is this machine"):
        check_url("https://127.0.0.1/", private)


def test_an_ipv4_address_in_ipv6_clothes_is_not_the_network_that_is_open() -> None:
    private = EgressPolicy(allowed_networks=(ip_network("10.0.0.0/8"),))

    with pytest.raises(UrlRefused, match="has an IPv4 address inside"):
        check_url("https://[::ffff:10.1.2.3]/", private)
