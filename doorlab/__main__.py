"""`python -m doorlab` is `doorlab`."""

import sys

from doorlab.cli import main

sys.exit(main())
