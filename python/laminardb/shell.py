# SPDX-License-Identifier: Apache-2.0
"""The command ``laminardb``: the shell of the extension, which is the executable's."""

from __future__ import annotations

import sys

from ._laminardb import shell_main


def main() -> int:
    """Runs the shell with the arguments of the process; returns its exit code.

    Cannot raise: what fails is told on standard error and by the code, 1 for a statement and 2 for an option.

    Example:
        >>> laminardb.shell.main.__name__
        'main'
    """
    sys.stdout.flush()
    return shell_main(sys.argv)
