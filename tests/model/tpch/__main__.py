# SPDX-License-Identifier: Apache-2.0
"""python -m tpch [scale [file.json]]: see make tpch."""

import sys

from tpch import main

main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0, sys.argv[2] if len(sys.argv) > 2 else None)
