"""Which bytes are an e-mail address."""

import pytest

from tests.redact.finding import found, values

ADDRESSES = {
    "write to ann@mail.de": "ann@mail.de",
    "ann@mail.de": "ann@mail.de",
    "(a@bb.com), ok": "a@bb.com",
    "<first.last+tag@sub.host.co.uk>": "first.last+tag@sub.host.co.uk",
    "'o'brien@host.ie'": "o'brien@host.ie",
    "end of sentence ann@mail.de.": "ann@mail.de",
    "glued ann@mail.com.Then more": "ann@mail.com",
    "jörg@müller.de": "jörg@müller.de",
    "пиши на почта@пример.рф!": "почта@пример.рф",
    "联系abc@host.com谢谢": "abc@host.com",
    "mailto:ann@mail.de?subject=x": "ann@mail.de",
    "?email=ann@mail.de&x=1": "ann@mail.de",
    "x_y-z@xn--mller-kva.de": "x_y-z@xn--mller-kva.de",
    "user123@host1.org 99": "user123@host1.org",
    "UPPER@HOST.COM": "UPPER@HOST.COM",
    "a@b.cc;c@d.ee": "a@b.cc",
}
OTHERS = [
    "git@github.com:org/repo.git",
    "git clone host@server.com:group/project",
    "https://user@host.com/path",
    "ssh://git@github.com/org/repo",
    "@bob@mastodon.social",
    "bob@",
    "@bob",
    "scope/pkg@1.2.3",
    "user@1.2.3",
    "@types/node@18.0.0",
    "image@2x.png",
    "a@1.2",
    "x@W.to(device)",
    "foo@bar.notatld",
    "a@b",
    "a @ b.com",
    "..@host.com",
    "a..b@host.com",
    "x" * 65 + "@host.com",
    "ann@example.com and bob@mail.example and c@d.test",
    "a@b@host.com",
    "@" * 50,
    "a@.com",
]


@pytest.mark.parametrize(("text", "value"), ADDRESSES.items())
def test_addresses_are_found(text: str, value: str) -> None:
    """Whole, without the signs around them."""
    assert value == values(text, "email")[0]


@pytest.mark.parametrize("text", OTHERS)
def test_other_things_with_an_at_are_not(text: str) -> None:
    """Paths, versions, handles, reserved names."""
    assert [] == values(text, "email")


@pytest.mark.parametrize(
    ("text", "value"),
    {
        "bob [at] host [dot] com": "bob [at] host [dot] com",
        "mail bob.x(at)host.co.uk now": "bob.x(at)host.co.uk",
        "bob [at] host.de please": "bob [at] host.de",
    }.items(),
)
def test_written_out_addresses_are_found_when_asked_for(text: str, value: str) -> None:
    """`name [at] host [dot] tld`."""
    assert [value] == values(text, "email", obfuscated=True)
    assert [] == found(text)


def test_a_bracketed_at_alone_is_no_address() -> None:
    """A domain must follow it."""
    assert [] == values("meet us [at] noon, list (at) the end", "email", obfuscated=True)
