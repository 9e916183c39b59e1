"""`python -m bench`: see `bench/command.py`."""

import sys

from bench.command import main

sys.exit(main(sys.argv[1:]))
