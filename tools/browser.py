"""A headless Chromium, driven over its DevTools protocol on a pipe: no driver package, no port, no download."""

import base64
import fcntl
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HINT = "no Chromium here: install one (Debian: apt-get install chromium), or name it in CHROMIUM=/path/to/it"
DEADLINE = 60  # seconds that anything may take


def find() -> str | None:
    """The path of a Chromium, or None."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for path in map(shutil.which, NAMES) if path), None)


@contextmanager
def started(path: str) -> "Iterator[Browser]":
    """The browser at `path`, with a profile of its own; it is gone afterwards."""
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--no-first-run", "--remote-debugging-pipe")  # fmt: skip
    # The protocol is spoken on descriptors 3 and 4 of the browser; ours are moved out of their way.
    (to_read, to_write), (from_read, from_write) = (map(_high, os.pipe()) for _ in range(2))
    quiet = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    actions = [*quiet, (os.POSIX_SPAWN_DUP2, to_read, 3), (os.POSIX_SPAWN_DUP2, from_write, 4)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [path, *flags, f"--user-data-dir={profile}", "about:blank"]
        process = os.posix_spawn(path, command, os.environ, file_actions=actions)
        os.close(to_read)
        os.close(from_write)
        try:
            yield Browser(from_read, to_write)
        finally:
            os.close(to_write)  # it ends itself when nobody speaks to it
            os.close(from_read)
            _end(process)


def _high(descriptor: int) -> int:
    """A copy of a descriptor with a number from 10 up, in its place."""
    found = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return found


def _end(process: int) -> None:
    """Wait for the end of a process, and bring it about if need be."""
    for sent, patience in ((None, 5), (signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        if sent:
            os.kill(process, sent)
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if os.waitpid(process, os.WNOHANG)[0]:
                return
            time.sleep(0.02)


class Browser:
    """Commands and events of one page."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing, self._left, self._last = reading, writing, b"", 0
        self.events: list[dict[str, Any]] = []
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Send a command and give its result; what happens meanwhile goes to `events`.

        Raises:
            RuntimeError: the browser refuses it, or is gone.
        """
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        rest = json.dumps(message).encode() + b"\0"
        while rest:
            rest = rest[os.write(self._writing, rest) :]
        while True:
            answer = self._message()
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            chunk = os.read(self._reading, 1 << 16)
            if not chunk:
                raise RuntimeError("the browser went away")
            self._left += chunk
        message, _, self._left = self._left.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression.

        Raises:
            RuntimeError: it throws.
        """
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true.

        Raises:
            TimeoutError: it does not become so.
        """
        end = time.monotonic() + DEADLINE
        while not self.ask(expression):
            if time.monotonic() > end:
                raise TimeoutError(f"not within {DEADLINE} s: {expression}")
            time.sleep(0.02)

    def size(self, width: int, height: int = 900) -> None:
        """Make the window as large."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def theme(self, name: str) -> None:
        """Say that the system is `light` or `dark`."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def open(self, path: str | Path) -> None:
        """Open a file and wait until its charts are drawn."""
        self.events.clear()
        self.call("Page.navigate", url=Path(path).resolve().as_uri())
        self.wait("document.readyState === 'complete' && document.documentElement.dataset.charts === 'drawn'")

    def press(self, key: str, code: int = 0) -> None:
        """Press a key."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def complaints(self) -> list[str]:
        """Errors and warnings of the console, exceptions, and what the log has, as text."""
        told = {"Runtime.exceptionThrown", "Log.entryAdded"}
        found = [json.dumps(event["params"]) for event in self.events if event.get("method") in told]
        logged = [event["params"] for event in self.events if event.get("method") == "Runtime.consoleAPICalled"]
        loud = [call for call in logged if call["type"] in ("error", "warning", "assert")]
        return found + [" ".join(str(part.get("value", part)) for part in call["args"]) for call in loud]

    def requests(self) -> list[str]:
        """The URLs that were asked for, the page's own and data in URLs left out."""
        asked = [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return [url for url in asked if not url.startswith("data:")][1:]

    def picture(self, path: str | Path, area: Sequence[float] | None = None) -> None:
        """Save what is seen, or an area of the page (x, y, width, height), as PNG."""
        clip = (
            {}
            if area is None
            else {"clip": {**dict(zip(("x", "y", "width", "height"), area, strict=True)), "scale": 1}}
        )
        found = self.call("Page.captureScreenshot", captureBeyondViewport=area is not None, **clip)
        Path(path).write_bytes(base64.b64decode(found["data"]))
