"""A stream of bytes that can be looked at before it is taken."""

import io
from collections.abc import Callable
from typing import Any, BinaryIO


class Stream:
    """Bytes pulled piece by piece; holds only what is looked at.

    `more` gives the next piece of any size, and `b""` at the end and ever after. `position` counts bytes taken.
    """

    def __init__(self, more: Callable[[], bytes]) -> None:
        """Start at the first byte that `more` gives."""
        self._more = more
        self._data = bytearray()
        self._ended = False
        self.position = 0

    def fill(self, count: int) -> int:
        """Have `count` bytes ready if there are as many; gives how many are."""
        while len(self._data) < count and not self._ended:
            piece = self._more()
            self._ended = not piece
            self._data += piece
        return len(self._data)

    def peek(self, count: int) -> bytes:
        """Up to `count` next bytes, left in place."""
        self.fill(count)
        return bytes(memoryview(self._data)[:count])

    def take(self, count: int) -> bytes:
        """Up to `count` next bytes; fewer only at the end."""
        found = self.peek(count)
        del self._data[: len(found)]
        self.position += len(found)
        return found

    def skip(self, count: int) -> int:
        """Pass over up to `count` bytes without holding them; gives how many there were."""
        left = count
        while left > 0:
            step = min(left, max(len(self._data), self.fill(1)))
            if not step:
                break
            del self._data[:step]
            left -= step
        self.position += count - left
        return count - left

    def give_back(self, data: bytes) -> None:
        """Undo the taking of `data`."""
        self._data[:0] = data
        self.position -= len(data)


class DamagedError(Exception):
    """Bytes that cannot be decompressed."""


class Watched(io.RawIOBase):
    """A file below a decompressor, to tell damaged bytes from a disk or a network that fails: both are OSErrors."""

    def __init__(self, file: BinaryIO) -> None:
        """Watch `file`."""
        self._file = file
        self._failed: OSError | None = None

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """As the file below."""
        return self._file.seekable()

    def seek(self, at: int, whence: int = 0) -> int:
        """As the file below."""
        return self._file.seek(at, whence)

    def tell(self) -> int:
        """As the file below."""
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        """Read from the file below, and remember if that fails."""
        try:
            data = self._file.read(len(buffer))
        except OSError as error:
            self._failed = error
            raise
        buffer[: len(data)] = data
        return len(data)

    def passing(self, read: Callable[[int], bytes]) -> Callable[[int], bytes]:
        """`read` of a decompressor over this file, its own complaints raised as `DamagedError`."""

        def guarded(count: int) -> bytes:
            try:
                return read(count)
            except (OSError, EOFError) as error:
                if self._failed is not None:
                    raise self._failed from error
                raise DamagedError(str(error)) from error

        return guarded
