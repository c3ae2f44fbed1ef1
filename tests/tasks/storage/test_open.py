"""From a URI to a store, a stream, some bytes; and the question that every store is asked before it is trusted."""

import csv
import io
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tasks.storage.local import LocalStore
from tasks.storage.memory import MemoryStore
from tasks.storage.open import BadUri, UnsafeStore, folder_of, open_binary, open_store, probe, read_input
from tasks.storage.s3 import S3Store
from tasks.storage.store import Denied, NotFound


def test_a_uri_opens_the_store_it_names(s3_environment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for uri in (str(tmp_path / "d s"), f"file://{tmp_path}/d%20s", f"file://localhost{tmp_path}/d%20s", "d s", "./d s"):
        store = open_store(uri)
        assert isinstance(store, LocalStore)
        assert store.uri == str(tmp_path / "d s")
        assert folder_of(store) == tmp_path / "d s"
    for uri, name in (("s3://storage/a/b/", "s3://storage/a/b"), ("s3://storage", "s3://storage")):
        store = open_store(uri)
        assert isinstance(store, S3Store)
        assert store.uri == name
        assert folder_of(store) is None


async def test_a_memory_store_is_one_for_each_name():
    await open_store("memory://one").put("k", b"x")
    assert await open_store("memory://one").get("k") == b"x"
    assert await open_store("memory://two").head("k") is None


@pytest.mark.parametrize(
    "uri",
    [
        *("", "s3://", "s3:///x", "gs://bucket/x", "https://example.com/x", "file://host/x", "file://"),
        *("s3:/bucket/x", "s3:\\\\bucket", "s3:", "file:/tmp/x"),
    ],
)
def test_a_uri_that_names_no_store_is_one_clear_line(uri):
    with pytest.raises(BadUri) as caught:
        open_store(uri)
    assert "\n" not in str(caught.value)


def test_a_folder_may_still_have_a_colon_in_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("./s3:/x", "2026-11-28T10:00/x", "a:b/c"):
        assert open_store(name).uri == str(tmp_path / name)


@pytest.fixture(params=["local", "s3"])
def place(request, tmp_path):
    if request.param == "local":
        return str(tmp_path)
    request.getfixturevalue("s3_environment")
    return f"s3://storage/{request.node.name}"


TEXT = "id,prompt\n" + "".join(f"{n},猫 number {n}\n" for n in range(20_000))


async def test_a_catalog_is_read_as_a_stream(place):
    await open_store(place).put("catalog 1.csv", TEXT.encode())
    with open_binary(f"{place}/catalog 1.csv") as file:
        assert file.read(2) == b"id"
        assert file.seek(-10, io.SEEK_END) == len(TEXT.encode()) - 10
        assert file.read() == TEXT.encode()[-10:]
        file.seek(0)
        rows = list(csv.reader(io.TextIOWrapper(file, "utf-8", newline="")))
    assert rows[-1] == ["19999", "猫 number 19999"]


async def test_parquet_is_read_by_ranges(place):
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table({"id": list(range(1000))}), buffer)
    await open_store(place).put("t.parquet", buffer.getvalue())
    with open_binary(f"{place}/t.parquet") as file:
        assert parquet.read_table(file).num_rows == 1000


async def test_an_input_is_read_whole_and_within_its_limit(place):
    await open_store(place).put("in.png", b"12345")
    assert read_input(f"{place}/in.png") == b"12345"
    assert read_input(f"{place}/in.png", max_bytes=5) == b"12345"
    with pytest.raises(ValueError, match="more than 4 bytes"):
        read_input(f"{place}/in.png", max_bytes=4)


def test_a_missing_input_is_a_missing_file(place):
    with pytest.raises(FileNotFoundError):
        read_input(f"{place}/nothing.png")


async def test_a_store_that_keeps_its_promise_passes_the_probe_and_is_left_clean(place):
    store = open_store(place)
    await probe(store)
    assert await store.list("") == []
    await probe(MemoryStore())


class OverwritingStore(MemoryStore):
    """An S3 that ignores ``If-None-Match``."""

    async def create(self, key, body):
        await self.put(key, body)
        return True


class LosingStore(MemoryStore):
    """A store that says yes and keeps nothing."""

    async def create(self, key, body):
        return not hasattr(self, "asked") and not setattr(self, "asked", True)


@pytest.mark.parametrize(("store", "error"), [(OverwritingStore("bad"), UnsafeStore), (LosingStore(), NotFound)])
async def test_a_store_that_breaks_its_promise_is_refused_in_one_line(store, error):
    with pytest.raises(error) as caught:
        await probe(store)
    assert "\n" not in str(caught.value)
    assert store.uri in str(caught.value)


def test_opening_a_folder_loads_no_library_of_the_cloud():
    code = (
        "import sys, tasks.storage.open as o; o.open_store('x');"
        "print(sorted({'obstore','boto3','PIL','aiohttp','numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class _Denying(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_an_object_that_is_not_for_us_is_told_from_a_store_that_does_not_answer(s3_environment, monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), _Denying) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(Denied, match=r"cannot read s3://storage/x\.png: .*403"):
            open_binary("s3://storage/x.png")
        server.shutdown()
