"""Starts the local cloud: `python sandbox/launch.py --port N`."""

import sys

from aws_behaviour.launcher import main

if __name__ == "__main__":
    sys.exit(main())
