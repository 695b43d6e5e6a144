"""A figure under construction as plain dictionaries, made into a Plotly figure once at the end.

Plotly's own figure checks everything anew with each annotation that is added; a briefing of all places has thousands.
What is drawn, and how it looks, does not belong here.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go  # type: ignore[import-untyped, unused-ignore]
from plotly.subplots import make_subplots  # type: ignore[import-untyped, unused-ignore]

Spec = dict[str, Any]


def scatter(**properties: Any) -> Spec:
    """A scatter trace."""
    return {"type": "scatter", **properties}


def bar(**properties: Any) -> Spec:
    """A bar trace."""
    return {"type": "bar", **properties}


def heatmap(**properties: Any) -> Spec:
    """A heat map trace."""
    return {"type": "heatmap", **properties}


class Canvas:
    """Traces, axes, annotations and shapes of one figure; `row` and `col` choose a panel where there are several.

    Properties have Plotly's names, nested ones as dictionaries; they are checked in `figure`.
    """

    def __init__(self, rows: int = 1, cols: int = 1, *, panel_font: Spec | None = None, **panels: Any) -> None:
        self._cols, self._panels = cols, rows * cols
        self._layout: Spec = {}
        self._data: list[Spec] = []
        self._annotations: list[Spec] = []
        self._shapes: list[Spec] = []
        if self._panels > 1 or panels:
            grid = make_subplots(rows=rows, cols=cols, **panels).to_plotly_json()["layout"]
            self._annotations = [{**a, "font": panel_font or {}, "yshift": 2} for a in grid.pop("annotations", ())]
            self._layout = {k: v for k, v in grid.items() if k != "template"}

    def _axis(self, row: int, col: int) -> str:
        nth = (row - 1) * self._cols + col
        return "" if nth == 1 else str(nth)

    def add_trace(self, trace: Spec, row: int = 1, col: int = 1) -> None:
        """A trace from `scatter`, `bar` or `heatmap`."""
        n = self._axis(row, col)
        self._data.append({**trace, "xaxis": f"x{n}", "yaxis": f"y{n}"})

    def add_annotation(self, row: int = 1, col: int = 1, **annotation: Any) -> None:
        """Text at a point of a panel, or of the paper (`xref`, `yref`)."""
        n = self._axis(row, col)
        refs = {"xref": f"x{n}", "yref": f"y{n}"}
        if annotation.get("yref") == "y domain":
            annotation["yref"] = f"y{n} domain"
        self._annotations.append({**refs, **annotation})

    def add_shape(self, row: int = 1, col: int = 1, **shape: Any) -> None:
        """A shape in the coordinates of a panel."""
        n = self._axis(row, col)
        self._shapes.append({"xref": f"x{n}", "yref": f"y{n}", **shape})

    def add_vline(self, x: float, row: int = 1, col: int = 1, **shape: Any) -> None:
        """An upright over the whole height of a panel."""
        n = self._axis(row, col)
        self._shapes.append({"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "xref": f"x{n}", "yref": f"y{n} domain", **shape})  # fmt: skip

    def update_xaxes(self, row: int | None = None, col: int | None = None, **properties: Any) -> None:
        """Properties of the x axes of a panel, a column, a row, or all."""
        self._update("xaxis", row, col, properties)

    def update_yaxes(self, row: int | None = None, col: int | None = None, **properties: Any) -> None:
        """Properties of the y axes of a panel, a column, a row, or all."""
        self._update("yaxis", row, col, properties)

    def _update(self, axis: str, row: int | None, col: int | None, properties: Spec) -> None:
        text = properties.pop("title_text", None)
        if text is not None:
            properties["title"] = {"text": text}
        for nth in range(self._panels):
            r, c = nth // self._cols + 1, nth % self._cols + 1
            if row in (None, r) and col in (None, c):
                name = f"{axis}{self._axis(r, c)}"
                self._layout[name] = {**self._layout.get(name, {}), **properties}

    def update_layout(self, **properties: Any) -> None:
        """Properties of the whole figure; each replaces what was set before."""
        self._layout.update(properties)

    def figure(self) -> Any:
        """The Plotly figure; raises ValueError for a property Plotly does not know."""
        return go.Figure(
            data=self._data, layout={**self._layout, "annotations": self._annotations, "shapes": self._shapes}
        )
