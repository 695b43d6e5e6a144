"""A whole run over a folder of documents without Dagster, for tests that compare warehouses."""

from __future__ import annotations

from pathlib import Path

from pipelines.assets import steps
from pipelines.warehouse.lock import writer_lock
from pipelines.warehouse.store import Publication, Store


def build(root: Path, raw: Path) -> tuple[Store, Publication]:
    """Reads, derives and publishes; the store and what it published."""
    store = Store(root)
    with writer_lock(root):
        steps.read_documents(store, raw, workers=1)
        steps.read_published(store, raw)
        for table in ("documents", "sections", "mentions", "observations", "targets"):
            steps.combine(store, table)
        for table in ("indicators", "places", *steps.DERIVED):
            getattr(steps, table)(store)
        return store, steps.publish(store, accept="a test")
