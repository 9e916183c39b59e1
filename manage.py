#!/usr/bin/env python
"""Django's command line; `./portal manage` calls it with the embedded services running."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alliance.settings")
    from django.core.management import execute_from_command_line

    from alliance.core import request_id

    request_id.begin(request_id.new_id(), is_web=False, actor=f"command {' '.join(sys.argv[1:2])}".strip())
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
