"""``python -m everwarm`` is the command ``everwarm``."""

import sys

from everwarm.cli import main

sys.exit(main())
