"""Exports: what training code loads is what the dataset holds, byte for byte, and a killed export goes on."""

import asyncio
import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from deployments.cli.main import main
from deployments.sandbox.process import ROOT, SandboxProcess
from tasks.engine.analysis.accepting import accept_rule
from tasks.engine.exporting.export import Asked, Exported, Format, NotOurs, export
from tasks.engine.exporting.folder import safe_cell
from tasks.manifest.readers import read_manifest
from tasks.storage.open import open_store
from tests.support.runs import run, write_catalog

EVIL = "=cmd|' /C calc'!A0"
ROWS = 100


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of 100 pictures and one refusal, with hostile text in prompts and tags."""
    folder = tmp_path_factory.mktemp("made")
    os.environ["PRINTROOM_SPOOL"] = str(folder / "spool")
    with SandboxProcess(latency_scale=0) as sandbox:
        asyncio.run(make(folder, ROWS, sandbox))
    return folder / "ds"


async def make(folder: Path, rows: int, sandbox: SandboxProcess) -> None:
    listed = [
        {"id": f"../r.{i}", "prompt": f"海 number {i}", "model": "dall-e-2", "size": "256x256", "tag:note": EVIL}
        for i in range(rows)
    ]
    listed[0]["prompt"] = "+SUM(A1) a cat"
    refused = {**listed[1], "id": "no", "prompt": "a thing [[scenario:content_policy]]"}
    await run(write_catalog(folder / "c.csv", [*listed, refused]), folder / "ds", sandbox, concurrency=32)


def exported(dataset: Path, to: Path, form: Format, **options: Any) -> Exported:
    asked = Asked(dataset=str(dataset), format=form, **options)
    return asyncio.run(export(open_store(str(dataset)), asked, to))


def held(dataset: Path) -> dict[str, str]:
    """sha256 -> prompt of every succeeded picture."""
    rows = read_manifest(dataset).to_pylist()
    return {row["sha256"]: row["prompt"] for row in rows if row["outcome"] == "succeeded"}


def bytes_of(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_hugging_face_loads_an_imagefolder_with_the_same_bytes_and_prompts(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = exported(dataset, tmp_path / "out", "imagefolder")
    assert (done.rows, done.images, done.left_out, done.damaged) == (ROWS, ROWS, 1, ())
    for name in ("HF_HOME", "HF_DATASETS_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "1")
    import datasets

    datasets.disable_progress_bars()
    loaded = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    table = loaded["train"].cast_column("image", datasets.Image(decode=False))
    found = {}
    for row in table:
        data = row["image"]["bytes"] or Path(row["image"]["path"]).read_bytes()
        found[hashlib.sha256(data).hexdigest()] = row["text"]
        assert json.loads(row["tags"]) == {"note": EVIL}
    assert found == held(dataset)


def samples_of(shards: list[str]) -> list[dict[str, Any]]:
    import webdataset

    return list(webdataset.WebDataset(shards, shardshuffle=False))


def test_webdataset_reads_shards_with_the_same_bytes_and_prompts(dataset: Path, tmp_path: Path) -> None:
    exported(dataset, tmp_path / "out", "webdataset", per_shard=30)
    shards = sorted(path.name for path in (tmp_path / "out").glob("*.tar"))
    assert shards == [f"shard-0000{i}.tar" for i in range(4)]
    samples = samples_of([str(tmp_path / "out" / name) for name in shards])
    assert len({sample["__key__"] for sample in samples}) == ROWS
    found = {hashlib.sha256(sample["png"]).hexdigest(): sample["txt"].decode() for sample in samples}
    assert found == held(dataset)
    facts = json.loads(samples[0]["json"])
    assert facts["tags"] == {"note": EVIL}
    assert facts["provenance"]["provider"] == "sandbox"


def test_a_table_for_people_reads_back_in_pandas_and_holds_no_formula(dataset: Path, tmp_path: Path) -> None:
    done = exported(dataset, tmp_path / "out", "csv", outcomes=("succeeded", "refused"))
    assert (done.rows, done.images) == (ROWS + 1, ROWS)
    table = pd.read_csv(tmp_path / "out" / "index.csv", dtype=str, keep_default_na=False)
    pictures = table[table["file_name"] != ""]
    found = {hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() for name in pictures["file_name"]}
    assert found == held(dataset).keys()
    assert set(table["outcome"]) == {"succeeded", "refused"}
    with (tmp_path / "out" / "index.csv").open(encoding="utf-8-sig", newline="") as file:
        for line in csv.reader(file):
            assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in line)
    assert "'+SUM(A1) a cat" in set(table["text"])


@pytest.mark.parametrize(
    ("value", "cell"),
    [("=1+1", "'=1+1"), ("  =1", "'  =1"), ("＝1", "'＝1"), ("@x", "'@x"), ("\tx", "'\tx"), ("-5 cats", "'-5 cats"),
     ("a=b", "a=b"), (None, ""), (0.5, "0.5"), ("", ""), ("x\0y", "xy"), ("'quoted", "'quoted")],
)  # fmt: skip
def test_a_cell_is_never_a_formula(value: object, cell: str) -> None:
    assert safe_cell(value) == cell


def test_the_provenance_sidecar_names_each_file_its_model_and_the_hash_of_its_prompt(
    dataset: Path, tmp_path: Path
) -> None:
    exported(dataset, tmp_path / "out", "imagefolder")
    rows = pq.read_table(tmp_path / "out" / "provenance.parquet").to_pylist()
    assert len(rows) == ROWS
    prompts = {row["sha256"]: row["prompt_sent"] for row in read_manifest(dataset).to_pylist()}
    for row in rows:
        assert hashlib.sha256((tmp_path / "out" / row["file_name"]).read_bytes()).hexdigest() == row["sha256"]
        assert row["prompt_sha256"] == hashlib.sha256(prompts[row["sha256"]].encode()).hexdigest()
        assert (row["provider"], row["model"], row["has_c2pa"]) == ("sandbox", "dall-e-2", False)
        assert row["generated_at"] > "2020"


@pytest.mark.parametrize("form", ["imagefolder", "webdataset", "csv"])
def test_the_same_export_gives_the_same_files_and_is_not_made_twice(
    form: Format, dataset: Path, tmp_path: Path
) -> None:
    first = exported(dataset, tmp_path / "a", form)
    exported(dataset, tmp_path / "b", form)
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    assert exported(dataset, tmp_path / "a", form) == first


def test_only_accepted_pictures_are_exported_and_what_an_earlier_export_had_more_goes(
    dataset: Path, tmp_path: Path
) -> None:
    for form, pattern in (("imagefolder", "*.png"), ("webdataset", "*.tar")):
        to = tmp_path / form
        exported(dataset, to, form, per_shard=10)
        rule = accept_rule("prompt contains 'number 1'")
        done = exported(dataset, to, form, accept=rule, per_shard=10)
        assert done.rows == 11
        assert len(list(to.rglob(pattern))) == (11 if form == "imagefolder" else 2)


def test_a_catalog_that_the_dataset_never_had_is_refused_and_leaves_the_earlier_export(
    dataset: Path, tmp_path: Path
) -> None:
    exported(dataset, tmp_path / "out", "imagefolder")
    before = bytes_of(tmp_path / "out")
    with pytest.raises(FileNotFoundError, match=r"no catalog summr in .*: it has "):
        exported(dataset, tmp_path / "out", "imagefolder", catalogs=("summr",))
    assert bytes_of(tmp_path / "out") == before


def test_a_folder_with_something_else_in_it_is_left_alone(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(NotOurs, match="not empty"):
        exported(dataset, tmp_path, "csv")
    exported(dataset, tmp_path / "out", "csv")
    with pytest.raises(NotOurs, match="another export"):
        exported(dataset, tmp_path / "out", "webdataset")
    assert (tmp_path / "mine.txt").read_text() == "x"


def test_a_picture_that_is_damaged_or_gone_is_left_out_and_said_with_exit_1(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "ds"
    subprocess.run(["cp", "-a", str(dataset), str(copy)], check=True)
    first, second = sorted(copy.glob("images/*/*.png"))[:2]
    first.unlink()
    second.write_bytes(b"x")
    for form in ("csv", "imagefolder", "webdataset"):
        to = str(tmp_path / form)
        assert main(["export", "--dataset", str(copy), "--format", form, "--to", to, "--json"]) == 1
        said = json.loads(capsys.readouterr().out)
        assert (said["rows"], len(said["damaged"])) == (ROWS - 2, 2)


def test_the_command_line_refuses_a_bad_rule_and_a_dataset_that_is_not_there(tmp_path: Path, dataset: Path) -> None:
    words = ["export", "--format", "csv", "--to", str(tmp_path / "out"), "--dataset"]
    assert main([*words, str(tmp_path / "nothing")]) == 2
    assert main([*words, str(dataset), "--accept", "cer<"]) == 2


def killed_and_resumed(dataset: Path, to: Path, form: Format, images: int) -> int:
    """Kill an export each time it has copied some more, until it ends by itself; how often it was killed."""
    words = ["export", "--dataset", str(dataset), "--format", form, "--to", str(to), "--per-shard", str(images // 8)]
    kills, seen = 0, 0
    while True:
        child = subprocess.Popen([sys.executable, "-m", "deployments.cli.main", *words], cwd=ROOT)
        while child.poll() is None and kills < 3:
            count = len(list(to.rglob("*.tar" if form == "webdataset" else "*.png")))
            if count > seen:
                seen = count + (1 if form == "webdataset" else images // 6)
                child.send_signal(signal.SIGKILL)
                break
        if child.wait() == 0:
            return kills
        assert child.returncode == -signal.SIGKILL
        kills += 1


def check_kill(dataset: Path, tmp_path: Path, form: Format, images: int) -> int:
    tmp_path.mkdir(exist_ok=True)
    kills = killed_and_resumed(dataset, tmp_path / "killed", form, images)
    assert kills > 0
    exported(dataset, tmp_path / "whole", form, per_shard=images // 8)
    killed, whole = bytes_of(tmp_path / "killed"), bytes_of(tmp_path / "whole")
    for each in (killed, whole):
        del each["export.json"]  # it says how many pictures the last run copied
    assert killed == whole
    return kills


def test_an_export_killed_in_the_middle_goes_on_to_the_same_files(dataset: Path, tmp_path: Path) -> None:
    check_kill(dataset, tmp_path, "webdataset", ROWS)


@pytest.mark.slow
def test_ten_thousand_pictures_are_exported_through_kills_byte_for_byte(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    with SandboxProcess(latency_scale=0) as sandbox:
        asyncio.run(make(folder, 10_000, sandbox))
    wanted = held(folder / "ds").keys()
    for form in ("imagefolder", "webdataset", "csv"):
        began_s, own_s = time.monotonic(), time.process_time()
        kills = check_kill(folder / "ds", tmp_path / form, form, 10_000)
        print(
            f"{form}: killed {kills} times; {time.monotonic() - began_s:.0f} s, {time.process_time() - own_s:.1f} CPU-s"
        )
        if form == "webdataset":
            urls = sorted(str(path) for path in (tmp_path / form / "killed").glob("*.tar"))
            pictures = {hashlib.sha256(each["png"]).hexdigest() for each in samples_of(urls)}
        else:
            files = (tmp_path / form / "killed").rglob("*.png")
            pictures = {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        assert pictures == wanted
