"""IPv4, IPv6 and credentials in URLs."""

import pytest

from tests.redact.finding import values

ADDRESSES = {
    "from 81.2.3.94 at noon": "81.2.3.94",
    "http://81.2.69.144:8080/": "81.2.69.144",
    "user@81.2.69.144": "81.2.69.144",
    "81.2.69.144/24": "81.2.69.144",
    "(81.2.69.144).": "81.2.69.144",
    "1 81.2.69.144 2": "81.2.69.144",
    "ping 8.8.8.8": "8.8.8.8",
    "server at 5.12.3.1:443": "5.12.3.1",
    "2a00:1450:4001:81b::200e": "2a00:1450:4001:81b::200e",
    "[2001:4860:4860::8888]:53": "2001:4860:4860::8888",
    "6e40:4041:c617:e898:c11:40d2:c669:2eb4": "6e40:4041:c617:e898:c11:40d2:c669:2eb4",
    "2001:4860::8.8.8.8": "2001:4860::8.8.8.8",
}
OTHERS = [
    "5.12.3.1",
    "see 3.2.1.4 Overview",
    "version 81.2.69.144",
    "v. 81.2.69.144",
    "section 81.2.69.144",
    "Chrome/91.0.44.124",
    "jquery-81.2.69.144",
    "lib_81.2.69.144",
    "v81.2.69.144",
    "1.2.3.4.5.6",
    "81.2.69.144.5",
    "8.8.8.8888",
    "1234.5.6.78",
    "081.2.69.144",
    "256.2.69.144",
    "10.0.0.1 192.168.1.1 172.16.0.5 127.0.0.1 169.254.1.1 255.255.255.0 224.0.0.1",
    "from 192.0.2.1 198.51.100.7 203.0.113.9",
    "81.2.69.144rc1",
    "12:34:56",
    "a[1::2]",
    "2001:db8::1",
    "fe80::1 ::1 fc00::12",
    "01:23:45:67:89:ab",
    "std::vector1::x",
    "1:2:3:4:5:6:7:8:9",
]


@pytest.mark.parametrize(("text", "value"), ADDRESSES.items())
def test_addresses_are_found(text: str, value: str) -> None:
    """Public ones, whole."""
    assert [value] == values(text, "ip")


@pytest.mark.parametrize("text", OTHERS)
def test_other_dotted_and_colon_numbers_are_not(text: str) -> None:
    """Versions, sections, longer runs, networks that nobody owns."""
    assert [] == values(text, "ip")


def test_private_addresses_are_found_when_asked_for() -> None:
    """Networks of a house have no owner in the world, but some corpora want them out."""
    assert ["10.218.6.131", "fc00::12"] == values("host 10.218.6.131 and fc00::12", "ip", private=True)


@pytest.mark.parametrize(
    ("text", "value"),
    {
        "https://ann:s3cret@host.com/x": "ann:s3cret",
        "redis://u:p%40ss@10.0.0.1": "u:p%40ss",
    }.items(),
)
def test_credentials_in_urls(text: str, value: str) -> None:
    """User and password, but not the host."""
    assert [value] == values(text, "credentials")


@pytest.mark.parametrize(
    "text",
    [
        "https://user:password@host.com",
        "https://{user}:{token}@host.com",
        "https://u:$PASS@h.com",
        "ftp://ann@host.com",
        "a://b:c@",
    ],
)
def test_placeholders_are_no_credentials(text: str) -> None:
    """What stands for any user."""
    assert [] == values(text, "credentials")
