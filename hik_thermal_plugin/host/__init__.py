"""The reference host: a command line and a service that load plugins and run them."""

from __future__ import annotations

import sys
from importlib.util import find_spec


def main() -> None:
    """Run the command line `hik-thermal`; without the packages of the extra `host` say in one line what to install."""
    missing = [name for name in ("typer", "rich", "yaml") if find_spec(name) is None]
    if missing:
        sys.stderr.write(
            f"hik-thermal needs {' and '.join(missing)} for its command line: pip install 'hik-thermal-plugin[host]'\n"
        )
        sys.exit(1)
    from . import cli

    cli.main()
