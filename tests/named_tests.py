"""The names of the project's tests, for pages and contracts that name them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


@cache
def names_of_tests(folder: str = "tests") -> set[str]:
    """Return the names of all test functions below a folder of the project."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / folder).rglob("test_*.py")]
    return {name for text in texts for name in re.findall(r"^ *(?:async )?def (test_\w+)\(", text, re.MULTILINE)}
