"""Entry point of the `dsimport` command."""

from __future__ import annotations

import gc
import os
import sys


def main() -> int:
    if sys.argv[1:] in (["--version"], ["-V"]):  # answered before anything heavy is imported
        from dsimport._version import VERSION

        print(f"dsimport {VERSION}")
        return 0
    # Looking for pydantic plugins means reading the metadata of every installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Planning makes many objects and few cycles: looking for them less often saves a tenth of the time.
    gc.set_threshold(200_000, 50, 50)
    from dsimport.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
