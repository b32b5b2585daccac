# SPDX-License-Identifier: Apache-2.0
"""``python -m laminardb``: the shell."""

import sys

from .shell import main

if __name__ == "__main__":
    sys.argv[0] = "laminardb"
    sys.exit(main())
