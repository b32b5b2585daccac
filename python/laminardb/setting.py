# SPDX-License-Identifier: Apache-2.0
"""What Connection.config_list tells of each setting."""

from __future__ import annotations

from typing import Any, NamedTuple

from .shown import as_bundle, as_html


class Setting(NamedTuple):
    """A setting of a database.

    name: of the setting. value: as it is now. meaning: what it does.
    default: what RESET goes back to, as the database was opened. effect: when a change of it counts, "at
    once" or from the next thing on that it is about.

    Example:
        >>> next(s for s in laminardb.open().config_list() if s.name == "buffer_size").effect
        'at once'
    """

    name: str
    value: Any
    default: Any
    meaning: str
    effect: str

    def _repr_html_(self) -> str:
        return as_html(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return as_bundle(self, include, exclude)
