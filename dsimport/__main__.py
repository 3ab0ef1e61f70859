"""Entry point of the `dsimport` command."""

from __future__ import annotations

import sys


def main() -> int:
    if sys.argv[1:] in (["--version"], ["-V"]):  # answered before anything heavy is imported
        from dsimport._version import VERSION

        print(f"dsimport {VERSION}")
        return 0
    from dsimport.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
