"""The renderer: what sections say, and nothing that they hold, becomes HTML."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

from corpusmill.report.page import render
from corpusmill.report.page.sections import (
    Card,
    Chart,
    Name,
    Passage,
    Piece,
    Row,
    Section,
    Share,
    Table,
    anchor,
)
from tests.report.page.hostile import BIDI, SCRIPT

EVIL = f"{SCRIPT} ' \" </script><!-- ]]> {BIDI} \0 \ud800 {'y' * 9000}"


def section(**more):
    """A section with the same text everywhere."""
    return Section(
        name="all", title=EVIL, lead=EVIL, figures=[(EVIL, EVIL)],
        charts=[Chart(spec={"data": {"values": [{EVIL: EVIL}]}}, caption=EVIL, alternative=EVIL, title=EVIL, group=EVIL,
                      name=anchor("signal", EVIL))],
        tables=[Table(head=[EVIL, "n"], rows=[[EVIL, 1], Row([Name(EVIL, EVIL), Share(0.5)], level=1, tone="alarm")],
                      title=EVIL, note=EVIL, more=3), Table(head=[EVIL], rows=[], title=EVIL, folded=True)],
        examples=[Card(title=EVIL, passages=[Passage([Piece(EVIL, "hit"), Piece(EVIL, "cut")], EVIL)], facts=[(EVIL, EVIL)],
                       group=EVIL, name=anchor("reason", EVIL), ask=EVIL)],
        notes=[EVIL], **more,
    )  # fmt: skip


class Reader(HTMLParser):
    """Counts elements, and keeps attributes and scripts."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.scripts, self.ids, self.hrefs = [], set(), [], [], []

    def handle_starttag(self, tag, attrs):
        """An element."""
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value for name, value in attrs if name == "id"]
        self.hrefs += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        """What a script holds."""
        if self.tags and self.tags[-1] == "script":
            self.scripts.append(data)


def read(page):
    """The page as its elements."""
    reader = Reader()
    reader.feed(page)
    return reader


def test_a_hostile_text_makes_no_element():
    """The same page with harmless texts has the same elements and attributes; no such text is in a script."""
    plain = render.html("t", "t", [Section(**{**vars(section()), "name": "all"})]).replace(EVIL, "")
    hostile = render.html(EVIL, EVIL, [section()])
    harmless = read(plain)
    found = read(hostile)
    assert found.tags == harmless.tags
    assert "onerror" not in found.attributes
    assert "img" not in found.tags
    assert not {"\0", "\u202e", "\ud800"} & set(hostile)
    hostile.encode()  # valid UTF-8
    assert len(found.ids) == len(set(found.ids))


def test_scripts_are_allowed_by_their_digests_alone():
    """The policy names each script that runs and nothing else; the chart's data hold no end of an element."""
    page = render.html("t", "", [section()])
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert len(scripts) == 4
    assert re.findall(r"'sha256-([^']*)'", policy) == digests
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    data = re.search(r'id="charts">(.*?)</script>', page, re.DOTALL)[1]
    assert json.loads(data)[0]["data"]["values"]


def test_a_page_without_charts_carries_no_chart_library():
    """A page of tables is small."""
    assert len(render.html("t", "", [Section(name="a", title="A", lead="", tables=[])])) < 30_000


def test_a_name_is_a_link_where_it_leads_somewhere():
    """Names without a target on the page are plain."""
    there = Card(title="x", passages=[], name="reason-a", group="a")
    table = Table(head=["n"], rows=[[Name("a", "reason-a")], [Name("b", "reason-b")]])
    page = render.html("t", "", [Section(name="s", title="S", lead="", tables=[table], examples=[there])])
    assert read(page).hrefs.count("#reason-a") == 1
    assert "#reason-b" not in page
    assert "<code>b</code>" in page


def test_names_break_between_their_words():
    """A name may end a line after a dot or an underscore, not within a number; titles and groups that are names too."""
    table = Table(head=["n"], rows=[[Name("c4.top_word<0.8")]])
    card = Card(title="x", passages=[], name="reason-a", group="a.long_name: 3 dropped")
    page = render.html("t", "", [Section(name="s", title="S", lead="", tables=[table], examples=[card])])
    assert "<code>c4.top_<wbr>word&lt;0.8</code>" in page
    assert "<summary>a.<wbr>long_<wbr>name: 3 dropped <" in page


def test_anchors_of_reasons_that_differ_by_a_sign_differ():
    """`<5` and `>5` of one signal are two places."""
    assert anchor("reason", "c4.words<5") != anchor("reason", "c4.words>5")
    assert re.fullmatch(r"[a-z0-9_-]+", anchor("signal", EVIL))


def test_long_passages_end():
    """A text of a million characters is cut, and says so."""
    card = Card(title="x", passages=[Passage([Piece("z" * 1_000_000), Piece("behind")])])
    page = render.html("t", "", [Section(name="s", title="S", lead="", examples=[card])])
    assert len(page) < 40_000
    assert "more characters" in page
    assert "behind" not in page
