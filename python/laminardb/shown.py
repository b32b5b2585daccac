# SPDX-License-Identifier: Apache-2.0
"""What every public object has for those who look at it: HTML for notebooks, beside its repr.

Rendering never fails and never sends what data say: when the HTML of an object cannot be made its repr stands
in <pre>, escaped. This module is loaded with the package, so it imports nothing; display does the work.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in __init__
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def chosen(made: dict[str, Callable[[], Any]], include: Any, exclude: Any) -> dict[str, Any]:
    """The kinds of a bundle that are asked for, made."""
    return {
        kind: make()
        for kind, make in made.items()
        if (include is None or kind in include) and (exclude is None or kind not in exclude)
    }


def as_html(shown: Any) -> str:
    """Its HTML; its repr in <pre> when that cannot be made."""
    try:
        make = getattr(shown, "_html", None)
        if make is not None:
            return str(make())
        from .drawing import record_html

        return record_html(shown)
    except Exception:
        from .markup import lines

        return f"<pre>{lines(repr(shown), 2000)}</pre>"


def as_bundle(shown: Any, include: Any = None, exclude: Any = None) -> dict[str, Any]:
    """What a notebook may choose from."""
    return chosen({"text/plain": shown.__repr__, "text/html": shown._repr_html_}, include, exclude)


def as_display(shown: Any) -> Any:
    """What marimo shows."""
    from .widget import page

    return page(shown._repr_html_())


class Shown:
    """Has _repr_html_ and _repr_mimebundle_: of a record from its fields, else from a method _html()."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return as_html(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return as_bundle(self, include, exclude)

    def _display_(self) -> Any:
        return as_display(self)


class Listing(list):  # type: ignore[type-arg]
    """A list of records that a notebook shows as one table. Otherwise a list."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return as_html(self)

    def _html(self) -> str:
        from .drawing import listing_html

        return listing_html(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return as_bundle(self, include, exclude)

    def _display_(self) -> Any:
        return as_display(self)


class Plan(str):
    """A plan as text, which a notebook shows as a tree of operators with bars of time."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return as_html(self)

    def _html(self) -> str:
        from .drawing import plan_html

        return plan_html(str(self))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from .highlight import terminal_lines

        made = {"text/plain": lambda: terminal_lines(self), "text/html": self._repr_html_}
        return chosen(made, include, exclude)


class Quiet:
    """A context of nothing."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exc: object) -> None:
        return None


def watcher() -> Any:
    """The module progressing when somebody looks: in a notebook, or on a terminal; else None."""
    import sys

    if "ipykernel" not in sys.modules:
        for out in (sys.stdout, sys.stderr):
            try:
                if not out.isatty():
                    return None
            except (AttributeError, ValueError):  # there is none, or it is closed
                return None
    from . import progressing

    return progressing


def working(what: str) -> Any:
    """A context in which a person is told, when it takes long, that this is being done."""
    seen = watcher()
    return Quiet() if seen is None else seen.Working(what)
