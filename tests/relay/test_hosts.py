"""Which host name leads where."""

from __future__ import annotations

import pytest

from bot.domain.origins import Origin
from bot.relay.hosts import Hosts, Place

LOCAL = Hosts(relay_url="http://{rental}.localhost:8642", port=8642)
PUBLIC = Hosts(relay_url="https://{rental}.gpu.example.org", port=8642)


@pytest.mark.parametrize(
    ("hosts", "header", "place"),
    [
        (LOCAL, "bc2345.localhost:8642", Origin("bc2345")),
        (LOCAL, "BC2345.LOCALHOST:8642", Origin("bc2345")),
        (LOCAL, "bc2345-7860.localhost:8642", Origin("bc2345", 7860)),
        (LOCAL, "a" * 63 + ".localhost:8642", Origin("a" * 63)),
        (LOCAL, "a" * 300 + ".localhost:8642", Place.NOWHERE),
        (LOCAL, "localhost:8642", Place.BARE),
        (LOCAL, "127.0.0.1:8642", Place.BARE),
        (LOCAL, "[::1]:8642", Place.BARE),
        (LOCAL, "bc2345.localhost", Place.NOWHERE),
        (LOCAL, "bc2345.localhost:80", Place.NOWHERE),
        (LOCAL, "a.bc2345.localhost:8642", Place.NOWHERE),
        (LOCAL, ".localhost:8642", Place.NOWHERE),
        (LOCAL, "-x.localhost:8642", Place.NOWHERE),
        (LOCAL, "evil.example:8642", Place.NOWHERE),
        (LOCAL, "bc2345.localhost.:8642", Place.NOWHERE),
        (LOCAL, "", Place.NOWHERE),
        (LOCAL, None, Place.NOWHERE),
        (PUBLIC, "bc2345.gpu.example.org", Origin("bc2345")),
        (PUBLIC, "bc2345.gpu.example.org:443", Origin("bc2345")),
        (PUBLIC, "gpu.example.org", Place.BARE),
        (PUBLIC, "127.0.0.1:8642", Place.BARE),
        (PUBLIC, "bc2345.gpu.example.org:8642", Place.NOWHERE),
        (PUBLIC, "bc2345gpu.example.org", Place.NOWHERE),
        (PUBLIC, "bc2345.gpu.example.org.evil.example", Place.NOWHERE),
    ],
)
def test_a_host_header_names_a_rental_the_relay_or_nothing(hosts, header, place) -> None:
    """Only exact names of ours count, so a rebound name of somebody else's reaches nothing."""
    assert hosts.place(header) == place
