"""The graph loads, shows every table, and runs in one process on a small raw folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from pipelines.assets.definitions import defs, new_documents
from pipelines.assets.resources import ROOT, Workspace
from pipelines.assets.run import RunReport, run_job
from pipelines.warehouse.read import open_warehouse
from pipelines.warehouse.schema import TABLES

TEXT = """开江县2011年人口和计划生育工作总结
2011年，全县总人口59.8万人，出生人口4800人，人口出生率8.03‰，人口自然增长率2.51‰。
全年财政收入3.2亿元，比上年增长12.5%。
"""
HEAD = "place_code,place_name,indicator_id,indicator_zh,period,value,unit,basis,kind,source_title,source_url,note\n"


def small_raw(folder: Path) -> Path:
    (folder / "documents").mkdir(parents=True)
    (folder / "series").mkdir()
    (folder / "documents" / "report.txt").write_text(TEXT, encoding="utf-8")
    (folder / "documents" / "report.yaml").write_text(
        "place: 四川省达州市开江县\nplace_code: '511723'\nyear: 2011\n", encoding="utf-8"
    )
    (folder / "documents" / "empty.txt").write_bytes(b"")
    rows = "".join(
        f"511723,开江县,birth_rate,出生率,{y},{v},‰,,actual,某县统计年鉴,,\n" for y, v in ((2009, 9.5), (2010, 8.75))
    )
    (folder / "series" / "birth.csv").write_text(HEAD + rows, encoding="utf-8")
    return folder


def small_run(tmp_path: Path, raw: Path, **other: Any) -> RunReport:
    workspace = Workspace(raw=str(raw), warehouse=str(tmp_path / "wh"), exports=str(tmp_path / "ex"), workers=1)
    return run_job(workspace, skip=("notebooks", "exports"), ephemeral=True, **other)


def test_every_table_is_an_asset_with_its_columns() -> None:
    graph = defs.resolve_asset_graph()
    names = {key.path[-1] for key in graph.get_all_asset_keys()}
    tables = {t.name for t in TABLES if t.name != "publications"}
    assert names == tables | {"corpus", "published_figures", "warehouse", "notebooks", "exports"}
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.group_name != "default"
        assert node.owners
        assert node.description
        if key.path[-1] in tables:
            assert node.metadata["dagster/column_schema"].columns


def test_jobs_sensor_and_schedule_are_off_until_switched_on() -> None:
    assert {job.name for job in defs.resolve_all_job_defs()} >= {"full_run", "analysis_only"}
    assert defs.resolve_sensor_def("new_documents").default_status is dg.DefaultSensorStatus.STOPPED
    assert defs.resolve_schedule_def("nightly").default_status is dg.DefaultScheduleStatus.STOPPED


def test_the_sensor_sees_new_files(tmp_path: Path) -> None:
    raw = small_raw(tmp_path / "raw")
    sensor = new_documents(raw)
    with dg.DagsterInstance.ephemeral() as instance:

        def look(cursor: str | None) -> Any:
            context = dg.build_sensor_context(instance=instance, cursor=cursor)
            found = sensor(context)
            return found, context.cursor

        first, cursor = look(None)
        assert isinstance(first, dg.RunRequest)
        assert isinstance(look(cursor)[0], dg.SkipReason)
        (raw / "documents" / "more.txt").write_text("more", encoding="utf-8")
        assert isinstance(look(cursor)[0], dg.RunRequest)


def test_instance_settings_send_nothing_and_keep_the_root_clean() -> None:
    settings = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    assert settings["telemetry"] == {"enabled": False}
    assert settings["storage"]["sqlite"]["base_dir"] == "data/dagster"


@pytest.mark.slow
def test_a_small_run_publishes_and_repeats(tmp_path: Path) -> None:
    raw = small_raw(tmp_path / "raw")
    steps: list[str] = []
    first = small_run(tmp_path, raw, listener=lambda step, done, total: steps.append(step))
    assert first.failures == ()
    assert (first.extracted, first.published) == (2, True)
    assert [(b.path, b.status) for b in first.bad] == [("documents/empty.txt", "empty")]
    assert {"corpus", "series", "warehouse"} <= set(steps)
    with open_warehouse(tmp_path / "wh") as warehouse:
        assert warehouse.series("birth_rate", "511723")["period"].to_list()[:2] == ["2009", "2010"]
        seen = warehouse.table("observations").filter(source_kind="document")
        assert all(TEXT[s:e] == r for s, e, r in seen.select("start_char", "end_char", "raw").rows())
        assert seen.height > 0
    second = small_run(tmp_path, raw)
    assert (second.extracted, second.published, second.vintage) == (0, False, first.vintage)
    analysis = small_run(tmp_path, raw, job="analysis_only")
    assert (analysis.failures, analysis.published, analysis.vintage) == ((), False, first.vintage)


def test_a_failing_step_is_told_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.warehouse.store import GateError, Store

    def refuse(*_: object, **__: object) -> None:
        raise GateError(["series: 1 points without an observation: x"])

    monkeypatch.setattr(Store, "publish", refuse)
    report = small_run(tmp_path, small_raw(tmp_path / "raw"))
    assert report.failures == (
        ("warehouse", "not published, the previous warehouse stays: series: 1 points without an observation: x"),
    )
