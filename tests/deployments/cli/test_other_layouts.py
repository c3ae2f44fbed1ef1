"""A dataset that this version cannot read is refused by every verb with one clear line, and nothing is touched."""

from pathlib import Path

import orjson
import pytest

from deployments.cli.main import main

LAYOUTS = {
    "older": ("dataset.json", orjson.dumps({"layout": 0}), "has the older layout 0: open it with the Printroom that"),
    "newer": ("dataset.json", orjson.dumps({"layout": 99}), "has layout 99, this Printroom knows up to 1: use a newer"),
    "torn": ("dataset.json", b'{"layout": ', "dataset.json cannot be read"),
    "nameless": ("journal/00/0000000001.jsonl", b"{}\n", "a journal here but no dataset.json"),
}
VERBS = {
    "plan": ["plan", "{catalog}", "--provider", "sandbox"],
    "run": ["run", "{catalog}", "--provider", "sandbox", "--yes"],
    "status": ["status"],
    "report": ["report"],
    "verify": ["verify"],
    "rebuild": ["verify", "--rebuild-manifest"],
    "export": ["export", "--format", "csv", "--to", "{out}"],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("verb", VERBS)
def test_a_dataset_of_another_layout_is_refused_in_one_line(
    verb: str, layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PRINTROOM_BASE_URL", "http://127.0.0.1:9/v1")
    (tmp_path / "c.csv").write_text("id,prompt,model,size\na,a boat,dall-e-2,256x256\n")
    name, body, words = LAYOUTS[layout]
    kept = tmp_path / "ds" / name
    kept.parent.mkdir(parents=True)
    kept.write_bytes(body)
    places = {"catalog": tmp_path / "c.csv", "out": tmp_path / "out"}
    assert main([*(word.format(**places) for word in VERBS[verb]), "--dataset", str(tmp_path / "ds")]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert [path for path in (tmp_path / "ds").rglob("*") if path.is_file()] == [kept]
    assert kept.read_bytes() == body
    assert not (tmp_path / "out").exists()
