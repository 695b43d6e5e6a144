"""Xianzhi: time series from the prose of Chinese county and district government reports.

Only what an analyst imports by name belongs here; everything else is imported from its own module. Imports are lazy,
so that the terminal starts at once.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for completion and type checkers
    from pipelines import charts
    from pipelines.warehouse.read import open_warehouse

__all__ = ["charts", "open_warehouse"]


def __getattr__(name: str) -> Any:
    if name == "open_warehouse":
        from pipelines.warehouse.read import open_warehouse

        return open_warehouse
    if name == "charts":
        import importlib

        return importlib.import_module("pipelines.charts")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
