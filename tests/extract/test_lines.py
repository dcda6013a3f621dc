"""Lines of reduced HTML, and which of them are content."""

from corpusmill.extract import lines
from tests.extract.helpers import PROSE


def text(markup: str, *, bullets: bool = True, links: bool = False) -> str:
    """What is written of some reduced HTML."""
    return lines.write(lines.read(markup, bullets=bullets, links=links))


def test_lists_are_numbered_and_nested() -> None:
    """Bullets or numbers by list, two spaces for each level, whatever tags close on the line."""
    markup = "<ul>\n  <li>a\n  <ol>\n    <li>b</li>\n    <li>c</li>\n  </ol></li>\n  <li>\n\n  <p>d</p></li>\n</ul>\ne"
    assert ["• a", "  1. b", "  2. c", "• d", "e"] == [line for line in text(markup).split("\n") if line]
    assert ["a", "b", "c", "d", "e"] == [line for line in text(markup, bullets=False).split("\n") if line]


def test_an_empty_item_leaves_no_bullet_behind() -> None:
    """A bullet belongs to its list."""
    assert ["", "after"] == text("<ul><li></ul>\nafter").split("\n")


def test_preformatted_lines_keep_their_indentation() -> None:
    """Code is content, spaces included; elsewhere the library's own indentation goes."""
    assert "a\n  b\nc" == text("<pre>a\n  b</pre>\n  c")


def test_entities_become_characters_once() -> None:
    """`&amp;lt;` is the text `&lt;`, not a tag."""
    assert "&lt;p> <a> é" == text("<p>&amp;lt;p&gt; &lt;a&gt; é</p>")


def test_links_are_written_only_when_asked_for() -> None:
    """The target follows in brackets."""
    markup = '<p><a href="/x?a&amp;b">here</a> <a href="">there</a></p>'
    assert "here there" == text(markup)
    assert "here (/x?a&b) there" == text(markup, links=True)


def test_link_text_is_counted_over_lines() -> None:
    """A link may begin on one line and end on another."""
    found = lines.read('ab <a href="x">cd\nef\n</a>gh', bullets=True, links=False)
    assert [(5, 2), (2, 2), (2, 0)] == [(line.size, line.linked) for line in found]


def test_ends_without_prose_are_cut() -> None:
    """Menus before and notices after the prose go; a heading over the first prose stays."""
    kept = ["<h1>Title</h1>", "", f"<p>{PROSE}</p>", "short", f"<p>{PROSE}</p>"]
    markup = "\n".join(["Home", '<a href="/">' + "linked " * 30 + "</a>", "", *kept, "", "Share", "Imprint"])
    assert ["", "Title", "", PROSE.strip(), "short", PROSE.strip()] == lines.write(
        lines.trim(lines.read(markup, bullets=True, links=False))
    ).split("\n")


def test_pages_without_prose_are_not_trimmed() -> None:
    """Where prose is the smaller part, the page is a list or a table, and all of it stays."""
    for markup in ("a\nb\nc", "\n".join(["item number " + str(i) for i in range(100)] + [PROSE])):
        found = lines.read(markup, bullets=True, links=False)
        assert found == lines.trim(found)


def test_prose_is_long_or_ends_like_a_sentence() -> None:
    """The bounds are inclusive; link text is not prose."""

    def prose(text: str, linked: int = 0) -> bool:
        return lines.is_prose(lines.Line(text, len(text), linked, heading=False))

    assert prose("x" * 140)
    assert not prose("x" * 139)
    assert prose("x" * 59 + ".")
    assert prose("字" * 59 + "。")
    assert not prose("x" * 58 + ".")
    assert prose("x" * 140, linked=70)
    assert not prose("x" * 140, linked=71)
