# SPDX-License-Identifier: Apache-2.0
"""What flights.py needs beside the database: the data, the screen, and an independent check."""
