"""Writes the icon sprite from an unpacked @tabler/icons package: only the icons that are used.

    npm pack @tabler/icons@3.51.0 && tar xf tabler-icons-3.51.0.tgz
    python scripts/icon_sprite.py package static/vendor/tabler-icons-3.51.0/sprite.svg

An icon is used when a template, a Python module or a script of ours names it: `{% icon "check" %}`,
`icon="check"`, `"icon": "check"` or `data-icon="check"`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts import page_sources

NAMED = re.compile(r"""(?:\{%\s*icon\s+|\bicon=|["']icon["']:\s*)["']([a-z0-9-]+)["']""")
SHAPES = re.compile(r"<(?:path|circle|line|rect|polyline)\b[^>]*/>")


def used_icons(root: Path = page_sources.ROOT) -> list[str]:
    """Names of all icons that our sources mention, sorted."""
    return sorted({name for text in page_sources.texts(root) for name in NAMED.findall(text)})


def symbol(name: str, svg: str) -> str:
    shapes = [shape for shape in SHAPES.findall(svg) if 'stroke="none"' not in shape]
    return f'<symbol id="{name}" viewBox="0 0 24 24">{"".join(shapes)}</symbol>'


def main(package: Path, sprite: Path) -> None:
    outline = package / "icons" / "outline"
    symbols = [symbol(name, (outline / f"{name}.svg").read_text()) for name in used_icons()]
    body = "\n".join(symbols)
    sprite.write_text(f'<svg xmlns="http://www.w3.org/2000/svg">\n{body}\n</svg>\n')


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
