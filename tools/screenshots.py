"""Takes the pictures of docs/report.md: `PYTHONPATH=. python tools/screenshots.py demo/out/demo/report.html docs`."""

import sys
from pathlib import Path

from tools.browser import HINT, find, started

WIDTH = 1180
PICTURES = {  # name: section, theme, window width, most pixels of height
    "funnel": ("funnel", "light", WIDTH, 900),
    "signals": ("signals", "light", WIDTH, 1150),
    "dark": ("duplicates", "dark", WIDTH, 700),
    "narrow": ("funnel", "light", 400, 900),
}


def main(page: str, folder: str) -> None:
    """Take all pictures of a page."""
    path = find()
    if path is None:
        sys.exit(HINT)
    with started(path) as browser:
        for name, (section, theme, width, height) in PICTURES.items():
            browser.size(width)
            browser.theme(theme)
            browser.open(page)
            top = browser.ask(f"document.getElementById('{section}').getBoundingClientRect().top + scrollY")
            top = 0 if section == "funnel" else top
            target = Path(folder) / f"report-{name}.png"
            browser.picture(target, (0, top, width, height))
            _shrink(target)
            print(f"{target}: {target.stat().st_size:,} bytes")


def _shrink(path: Path) -> None:
    """A palette of 64 colours: enough for a page, a third of the size."""
    from PIL import Image

    Image.open(path).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
