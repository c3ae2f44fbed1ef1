"""T5: S3 away, S3 that loses replies, S3 that lies; through a fault proxy before the real server."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from deployments.sandbox.process import SandboxProcess
from tasks.storage.open import open_store
from tests.faults.audit import Audit, audit
from tests.faults.nursery import Child, Nursery
from tests.faults.proxy import FaultProxy, Passage, Rule, fault_proxy
from tests.faults.settled import answers_in_spool, bill_when_settled
from tests.faults.test_two_runs import until_charged
from tests.support.moto import S3Server

Figures = Callable[..., None]
CONCURRENCY = 8


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[FaultProxy]:
    """A proxy before the S3 server."""
    with fault_proxy(s3) as running:
        yield running


class Outage:
    """One run on S3 through the proxy."""

    def __init__(
        self, runs: Nursery, gateway: SandboxProcess, s3: S3Server, proxy: FaultProxy, bucket: str, catalog: Path,
        *, partitions: int = 4,
    ) -> None:  # fmt: skip
        self._partitions = partitions
        self._runs, self._gateway, self._s3, self._catalog = runs, gateway, s3, catalog
        self.dataset = f"s3://{s3.make_bucket(bucket)}/set"
        self.spool = catalog.parent / "spool"
        self._environment = {**s3.environment, "AWS_ENDPOINT_URL_S3": proxy.endpoint}

    def start(self, **timing: float) -> Child:
        """A run whose S3 is the proxy."""
        return self._runs.start(
            self._catalog, self.dataset, self._gateway.base_url, environment=self._environment, timing=timing,
            spool=str(self.spool), options={"concurrency": CONCURRENCY, "partitions": self._partitions},
            commit_every_s=1.0,
        )  # fmt: skip

    async def audited(self, rows: int) -> Audit:
        """The audit, straight at the server."""
        with self._s3.as_environment():
            found = await audit(
                open_store(self.dataset), bill_when_settled(self._gateway), [f"c/r{i}" for i in range(rows)]
            )
            assert await answers_in_spool(self.dataset, self.spool) == 0, "an answer is left in the spool"
        assert found.broken == []
        return found


def parts(rows: int) -> int:
    """Partitions: the default in the long form, fewer in the slice."""
    return 16 if rows >= 200 else 4


def posts_before_their_intent(proxy: FaultProxy, gateway: SandboxProcess) -> list[str]:
    """Attempts whose POST began before the store had confirmed their intent."""
    confirmed: dict[str, float] = {}
    for passage in proxy.log:
        if passage.fault in (None, "swallow", "late"):
            for intent in passage.intents:
                confirmed.setdefault(intent, passage.ended_s)
    return [
        line["idempotency_key"]
        for line in gateway.log("/v1/")
        if confirmed.get(line["idempotency_key"], float("inf")) > line["started_s"]
    ]


def down(rng: Random) -> Rule:
    """Every request meets one of the ways of being away."""
    return lambda _: rng.choice(("unavailable", "reset", "silence"))


@pytest.mark.parametrize(
    ("model", "rows", "away_s"),
    [
        ("gpt-image-1", 24, 1.0),  # a picture inside the answer
        pytest.param("gpt-image-1", 200, 60.0, marks=pytest.mark.slow),
        pytest.param("dall-e-2", 200, 60.0, marks=pytest.mark.slow),  # a picture behind a URL
    ],
)
async def test_while_s3_is_away_nothing_is_bought_and_afterwards_nothing_is_missing(
    model: str,
    rows: int,
    away_s: float,
    runs: Nursery,
    gateway: SandboxProcess,
    proxy: FaultProxy,
    s3: S3Server,
    catalog: Callable[..., Path],
    figures: Figures,
) -> None:
    # About 0.4 s; the few rows of the slice take longer, or a slow start of this test would find them all done.
    gateway.switch(latency_scale=0.05 if model == "dall-e-2" else 0.01 if rows >= 200 else 0.02)
    outage = Outage(
        runs, gateway, s3, proxy, f"away-{rows}-{model}", catalog(rows, model=model), partitions=parts(rows)
    )
    child = outage.start()
    until_charged(gateway, rows // 4)
    began = time.time()
    proxy.rule = down(Random(rows))
    time.sleep(away_s)
    deadline = time.monotonic() + 30
    while not any(p.is_segment and p.fault and p.began_s >= began for p in proxy.log):
        assert time.monotonic() < deadline, "the run did not notice that its store is away"
        time.sleep(0.05)  # a slow machine may not have come to a put yet
    back = time.time()
    proxy.rule = lambda _: None
    end = child.wait(180)
    failed = min(p.began_s for p in proxy.log if p.is_segment and p.fault and p.began_s >= began)
    new = [line for line in gateway.log("/v1/") if failed + 0.25 < line["started_s"] < back]
    found = await outage.audited(rows)
    figures(
        f"S3 away for {away_s:g} s, {model}", **found.figures(), new_posts_while_away=len(new), exit=end.code,
        failed_requests=sum(p.fault is not None for p in proxy.log), wall_s=child.report()["wall_s"],
    )  # fmt: skip
    assert end.code == 0, child.log()[-3000:]
    assert new == []
    assert posts_before_their_intent(proxy, gateway) == []
    assert found.billed == rows


def dropping(rng: Random, share: float) -> Rule:
    """So many put replies are lost after the put was done."""
    return lambda p: "swallow" if p.method == "PUT" and rng.random() < share else None


def conflicting(rng: Random, share: float) -> Rule:
    """So many conditional puts are told that they met another one."""
    return lambda p: "conflict" if p.method == "PUT" and p.conditional and rng.random() < share else None


def straggling(rng: Random, share: float) -> Rule:
    """So many puts are cut off and happen a moment later all the same."""
    return lambda p: "late" if p.method == "PUT" and rng.random() < share else None


@pytest.mark.parametrize("rows", [24, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("fault", "share"),
    [
        (dropping, 0.2),
        pytest.param(conflicting, 0.3, marks=pytest.mark.slow),
        pytest.param(straggling, 0.1, marks=pytest.mark.slow),
    ],
)
async def test_lost_replies_conflicts_and_late_puts_cost_nothing(
    fault: Callable[[Random, float], Rule],
    share: float,
    rows: int,
    runs: Nursery,
    gateway: SandboxProcess,
    proxy: FaultProxy,
    s3: S3Server,
    catalog: Callable[..., Path],
    figures: Figures,
) -> None:
    outage = Outage(runs, gateway, s3, proxy, f"{fault.__name__}-{rows}", catalog(rows), partitions=parts(rows))
    proxy.rule = fault(Random(rows), share)
    child = outage.start(pause_s=0.02)
    assert child.wait(240).code == 0, child.log()[-3000:]
    proxy.rule = lambda _: None
    found = await outage.audited(rows)
    met = sum(passage.fault is not None for passage in proxy.log)
    figures(f"{fault.__name__} puts, {share:.0%}", faults_met=met, **found.figures())
    assert met > rows * share
    assert found.billed == rows
    assert posts_before_their_intent(proxy, gateway) == []


@pytest.mark.slow
async def test_a_store_that_stays_away_stops_the_run_and_the_next_one_finishes_it(
    runs: Nursery,
    gateway: SandboxProcess,
    proxy: FaultProxy,
    s3: S3Server,
    catalog: Callable[..., Path],
    figures: Figures,
) -> None:
    rows = 32
    outage = Outage(runs, gateway, s3, proxy, "gone", catalog(rows))
    child = outage.start(patience_s=1.0, max_pause_s=0.5)
    until_charged(gateway, rows // 4)
    proxy.rule = lambda _: "unavailable"
    end = child.wait(60)
    stopped = child.report()
    proxy.rule = lambda _: None
    charged = len(bill_when_settled(gateway))
    assert (end.code, stopped["stopped"]) == (5, "store_down")
    last = outage.start()
    assert last.wait(60).code == 0, last.log()[-3000:]
    found = await outage.audited(rows)
    figures("S3 away for good, then another run", charged_before=charged, **found.figures())
    assert found.billed == rows


@pytest.mark.parametrize("fault", ["denied", pytest.param("no bucket", marks=pytest.mark.slow)])
async def test_a_store_that_says_no_in_the_middle_of_a_run_is_not_waited_for(
    fault: str,
    runs: Nursery,
    gateway: SandboxProcess,
    proxy: FaultProxy,
    s3: S3Server,
    catalog: Callable[..., Path],
) -> None:
    rows = 12
    gateway.switch(latency_scale=0.025)
    outage = Outage(runs, gateway, s3, proxy, f"no-{fault[:2]}", catalog(rows))
    child = outage.start(patience_s=10_000.0)
    until_charged(gateway, rows // 4)
    proxy.rule = lambda _: fault
    end = child.wait(100)
    said_no = [p for p in proxy.log if p.fault]
    proxy.rule = lambda _: None
    assert (end.code, child.report()["stopped"]) == (5, "store_down"), child.log()[-3000:]
    assert len(said_no) < 20 * rows, "it went on asking"
    assert outage.start().wait(100).code == 0
    assert (await outage.audited(rows)).billed == rows


@pytest.mark.parametrize("existing", [False, True], ids=["a new dataset", "a dataset that is there already"])
async def test_a_store_that_ignores_conditions_is_refused_before_anything_is_spent(
    existing: bool,
    runs: Nursery,
    gateway: SandboxProcess,
    proxy: FaultProxy,
    s3: S3Server,
    catalog: Callable[..., Path],
) -> None:
    outage = Outage(runs, gateway, s3, proxy, f"liar-{existing:d}", catalog(8))
    if existing:
        assert outage.start().wait(60).code == 0
        catalog(12)  # four more rows to be bought
    spent = len(bill_when_settled(gateway))
    proxy.rule = lambda passage: "unguarded" if passage.conditional else None
    for _ in range(2):  # the refusal leaves nothing behind that would let the next run pass
        refused = outage.start()
        assert refused.wait(60).code != 0
        assert "UnsafeStore" in refused.log()
        assert "it ignores If-None-Match" in refused.log()
    assert len(bill_when_settled(gateway)) == spent


async def test_the_proxy_does_to_a_put_what_its_rule_says(s3: S3Server, proxy: FaultProxy) -> None:
    bucket = s3.make_bucket("proxied")
    client = _impatient(proxy.endpoint)
    told: dict[str, bool] = {}  # that it was done
    for fault in ("unavailable", "conflict", "denied", "no bucket", "reset", "swallow", "late", "unguarded", None):
        proxy.rule = lambda passage, fault=fault: fault if passage.method == "PUT" else None
        told[str(fault)] = await asyncio.to_thread(_put, client, bucket, str(fault), "1")
    proxy.rule = lambda _: None
    await asyncio.sleep(0.5)  # the late one lands
    listed = {item["Key"] for item in s3.client().list_objects_v2(Bucket=bucket)["Contents"]}
    assert {fault: (done, fault in listed) for fault, done in told.items()} == {
        "unavailable": (False, False), "conflict": (False, False), "denied": (False, False),
        "no bucket": (False, False), "reset": (False, False), "swallow": (False, True),
        "late": (False, True), "unguarded": (True, True), "None": (True, True),
    }  # fmt: skip
    proxy.rule = lambda passage: "unguarded" if passage.conditional else None
    assert await asyncio.to_thread(_put, client, bucket, "None", "2"), "without its condition the put takes the place"
    proxy.rule = lambda _: None
    assert not await asyncio.to_thread(_put, client, bucket, "None", "3"), "with it, it does not"


def _impatient(endpoint: str) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip


def _put(client: Any, bucket: str, key: str, body: str) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
    except (BotoCoreError, ClientError):
        return False
    return True


def test_posts_before_their_intent_are_seen(gateway: SandboxProcess, s3: S3Server, proxy: FaultProxy) -> None:
    """The control: an intent that the store has refused, or confirmed too late, is no intent."""
    import httpx

    for name in ("early", "refused", "in-time"):
        body = {"model": "dall-e-2", "prompt": name, "n": 1, "size": "256x256"}
        headers = {"Authorization": "Bearer sk-x", "Idempotency-Key": name}
        if name == "in-time":
            proxy.log.append(_segment("in-time", None, time.time()))
        httpx.post(f"{gateway.base_url}/images/generations", json=body, headers=headers, trust_env=False)
    proxy.log.append(_segment("early", None, time.time()))
    proxy.log.append(_segment("refused", "unavailable", 0.0))
    assert posts_before_their_intent(proxy, gateway) == ["early", "refused"]


def _segment(attempt: str, fault: str | None, ended_s: float) -> Passage:
    key = "/b/set/journal/00/0000000001.jsonl"
    return Passage("PUT", key, conditional=True, fault=fault, ended_s=ended_s, intents=(attempt,))
