"""Starts the local cloud: `python sandbox/launch.py --port N`."""

import sys

from ministack_s3.launcher import main

if __name__ == "__main__":
    sys.exit(main())
