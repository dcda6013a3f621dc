"""Which encoding a page is read with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.extract.charset import decode

TEXT = "Straße, naïve, Привет, 漢字, 한국어"
NATIVE = {
    "gb18030": TEXT,
    "cp1251": "Привет",
    "shift_jis": "漢字とかな",
    "euc_kr": "한국어",
    "iso2022_jp": "漢字とかな",
    "big5": "漢字",
}


@pytest.mark.parametrize(
    ("html", "header", "expected"),
    [
        (b"<p>plain", None, "<p>plain"),
        ("é".encode(), "utf-8", "é"),
        (b"\xe9", "iso-8859-1", "é"),
        (b"\x80", "ISO-8859-1", "€"),  # the web's Latin-1 is windows-1252
        (b"\xe9", ' "windows-1252" ', "é"),
        (b"\xcf\xf0\xe8", "windows-1251", "При"),
        (b"\xef\xbb\xbf\xc3\xa9", "iso-8859-1", "é"),  # a byte order mark comes before the header
        (b"\xff\xfe\xe9\x00", "utf-8", "é"),
        (b"\xfe\xff\x00\xe9", None, "é"),
        (b'<meta charset="windows-1251">\xcf', "koi8-r", '<meta charset="windows-1251">о'),  # the header before <meta>
        (b'<meta charset="windows-1251">\xcf', None, '<meta charset="windows-1251">П'),
        (b'<meta charset="windows-1251">\xcf', "no-such", '<meta charset="windows-1251">П'),
        (b'<!-- <meta charset="koi8-r"> --><meta charset=windows-1251>\xcf', None, "П"),
        (b'<meta http-equiv="Content-Type" content="text/html; charset=shift_jis">\x87\x40', None, "①"),
        (b'<meta charset="utf-16">\xc3\xa9', None, "é"),  # a <meta> that can be read is not in UTF-16
        ("é".encode(), None, "é"),  # valid UTF-8 is UTF-8
        ("①".encode("gb18030"), "gb2312", "①"),  # the standard's decoders are wider than their names
        ("①".encode("cp949"), "euc-kr", "①"),
        (b"\xff\xfe", None, ""),
        (b"", None, ""),
    ],
)
def test_order_of_evidence(html: bytes, header: str | None, expected: str) -> None:
    """Byte order mark, header, `<meta>`, valid UTF-8, detection."""
    assert decode(html, header).endswith(expected)


def test_single_bad_bytes_leave_the_declaration_standing() -> None:
    """A page cut within a character keeps its declared encoding."""
    assert "Grüße aus Köln\ufffd" == decode("Grüße aus Kölnü".encode()[:-1], "utf-8")


def test_a_wrong_declaration_is_not_believed() -> None:
    """A page that its declared encoding turns into replacement characters is read as if nothing were declared."""
    text = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 5
    assert text == decode(text.encode("windows-1251"), "utf-8")


@pytest.mark.parametrize("name", ["utf-8", "utf-16-le", *NATIVE])
def test_declared_encodings_round_trip(name: str) -> None:
    """What a page's encoding can write comes back."""
    html = (TEXT if name.startswith("utf") else NATIVE[name]).encode(name)
    assert html.decode(name) == decode(html, name)


@given(
    st.binary(max_size=300), st.none() | st.sampled_from(["utf-8", "gbk", "iso-2022-jp", "x-user-defined", "", "\0"])
)
def test_any_bytes_give_text_that_can_be_stored(html: bytes, header: str | None) -> None:
    """No bytes raise, and the result has no surrogates."""
    assert decode(html, header).encode() is not None
