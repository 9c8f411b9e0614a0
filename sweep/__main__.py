"""``python -m sweep``: the same as ``highwater``."""

from sweep.cli import main

if __name__ == "__main__":
    main()
