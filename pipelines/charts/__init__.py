"""Figures for analysts: `from pipelines import charts`, then `charts.trend(...)` and its siblings.

Each function takes a Polars frame in the columns of the warehouse's table, or a warehouse, and returns a Plotly figure.
Files, pages and slides do not belong here (see `pipelines.briefing`), nor does any calculation.
"""

from pipelines.charts.context import Context, Frames, WarehouseLike, evidence_link, page_name
from pipelines.charts.listing import Listing, evidence, listing
from pipelines.charts.progress import growth, target_gap
from pipelines.charts.quality import coverage, reconciliation
from pipelines.charts.slope import slope
from pipelines.charts.theme import Lang, empty_figure
from pipelines.charts.trend import small_multiples, trend

__all__ = [
    "Context",
    "Frames",
    "Lang",
    "Listing",
    "WarehouseLike",
    "coverage",
    "empty_figure",
    "evidence",
    "evidence_link",
    "growth",
    "listing",
    "page_name",
    "reconciliation",
    "slope",
    "small_multiples",
    "target_gap",
    "trend",
]
