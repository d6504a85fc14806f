"""`python -m xacct_kit` is the command `xacct`."""

from __future__ import annotations

from xacct_kit.cli import main

if __name__ == "__main__":
    main()
