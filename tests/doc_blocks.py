"""Find the fenced blocks of the pages: examples a reader copies are programs that have to run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """Return where it stands, for a test's id."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Return every page people read."""
    top = [path for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md") if (path := ROOT / name).exists()]
    return top + sorted((ROOT / "docs").rglob("*.md"))


def blocks(*languages: str) -> list[Block]:
    """Return the blocks written in one of these languages, page by page."""
    return [block for page in pages() for block in blocks_of(page) if block.language in languages]


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the blocks of one page."""
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        indent = len(found["indent"])
        lines = [line[indent:] for line in found["text"].splitlines()]
        yield Block(page, text.count("\n", 0, found.start()) + 2, found["language"], "\n".join(lines) + "\n")


def programs() -> dict[str, str]:
    """Return page -> its Python blocks as one program, each line where it stands on the page."""
    found: dict[str, str] = {}
    for block in blocks("python"):
        name = str(block.page.relative_to(ROOT))
        before = found.get(name, "")
        found[name] = before + "\n" * (block.line - 1 - before.count("\n")) + block.text
    return found
