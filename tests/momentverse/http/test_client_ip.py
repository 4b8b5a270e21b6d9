"""Which client address is trusted, and which network a request is counted under."""

import pytest
from django.test import RequestFactory

from momentverse.http.client_ip import get_client_network


@pytest.fixture
def network(settings):
    """Return the network of a request, given its peer, its X-Forwarded-For and the trusted proxies."""

    def network(peer, forwarded=None, proxies=0):
        settings.TRUSTED_PROXIES = proxies
        headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
        return get_client_network(RequestFactory(headers=headers).get("/", REMOTE_ADDR=peer))

    return network


def test_it_works(network):
    assert network("203.0.113.7") == "203.0.113.7"


def test_forwarded_address_is_not_trusted_without_proxy(network):
    assert network("203.0.113.7", "198.51.100.1") == "203.0.113.7"


def test_our_proxy_is_trusted(network):
    assert network("10.0.0.1", "198.51.100.1", proxies=1) == "198.51.100.1"


@pytest.mark.parametrize("spoofed", ["1.2.3.4", "1.2.3.4, 5.6.7.8", "rubbish", ",,,", "::1", ""])
def test_entries_before_that_of_our_proxy_are_not_trusted(network, spoofed):
    assert network("10.0.0.1", f"{spoofed}, 198.51.100.1", proxies=1) == "198.51.100.1"


def test_two_proxies_add_two_entries(network):
    forwarded = "1.2.3.4, 198.51.100.1, 10.0.0.2"
    assert network("10.0.0.1", forwarded, proxies=2) == "198.51.100.1"


@pytest.mark.parametrize("forwarded", [None, "", "198.51.100.1"])
def test_peer_is_used_if_there_are_too_few_entries(network, forwarded):
    assert network("10.0.0.1", forwarded, proxies=2) == "10.0.0.1"


def test_ipv6_is_counted_by_64(network):
    first = network("2001:db8:1:2:3:4:5:6")
    assert first == network("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert first != network("2001:db8:1:3::1")


def test_mapped_ipv4_is_ipv4(network):
    assert network("::ffff:203.0.113.7") == "203.0.113.7"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:db8:1:2::1]:4711", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_port_brackets_and_zone_are_ignored(network, forwarded, expected):
    assert network("10.0.0.1", forwarded, proxies=1) == expected


@pytest.mark.parametrize("address", ["", "unix:", "rubbish", "1.2.3", "\udce4", "9" * 5000])
def test_invalid_address_is_unknown(network, address):
    assert network(address) == "unknown"
