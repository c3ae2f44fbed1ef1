"""A partition's journal told in short: a fold with sensible defaults for everything a test does not care about."""

import hashlib
from dataclasses import replace

from catalogs.keys import call_key
from tasks.journal import events as ev
from tasks.journal.fold import Fold


def at(second: int) -> str:
    """A time of day for an event."""
    return f"2026-11-21T08:{second // 60:02d}:{second % 60:02d}.000000+00:00"


def key_of(name: str) -> str:
    return call_key({"test": name})


def sha_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


class Story:
    """Tells events to a fold; ``through`` grows by one with each."""

    def __init__(self) -> None:
        self.fold = Fold()

    def tell(self, *events: ev.Event) -> "Story":
        for event in events:
            self.fold.apply(event)
            self.fold.through += 1
        return self

    def want(self, row: str, key: str | None = "=", catalog: str = "cat", **changes) -> "Story":
        """``key`` "=" stands for the key named like the row."""
        real = key_of(row) if key == "=" else key
        fields = {
            "at": at(0), "run_id": "plan-run", "catalog": catalog, "catalog_sha256": "c" * 64, "row_id": row,
            "row_number": 1, "take": 1, "key": real, "digest": "d" * 16, "samples": 1, "operation": "generate",
            "provider": "apiyi", "model": "dall-e-3", "endpoint": "/images/generations", "prompt": f"a {row}",
            "prompt_sent": f"a {row}", "params": {"size": "1024x1024"}, "requested_size": "1024x1024",
        }  # fmt: skip
        return self.tell(ev.Wanted(**{**fields, **changes}))

    def intend(self, row: str, number: int = 1, key: str | None = None, second: int = 1, **changes) -> "Story":
        intent = ev.Intent(
            at=at(second), key=key or key_of(row), attempt=f"{number}-me", number=number, purpose="generate",
            run_id="buy-run", catalog="cat", row_id=row, take=1, provider="apiyi", model="dall-e-3",
            endpoint="/images/generations", samples=1, cap_micros=40_000, price_rule="dall-e-3",
            price_as_of="2026-11-01",
        )  # fmt: skip
        return self.tell(replace(intent, **changes))

    def answer(self, row: str, number: int = 1, key: str | None = None, pictures: int = 1, **changes) -> "Story":
        offered = tuple(
            ev.AnsweredPicture(url=f"https://cdn.example/{row}-{i}.png?sig=SECRET#x", expires_at=at(600))
            for i in range(pictures)
        )
        answered = ev.Answered(
            at=at(5), key=key or key_of(row), attempt=f"{number}-me", pictures=offered, cost_micros=40_000, queue_ms=7,
            generate_ms=4000, revised_prompt="a nicer one", request_id="req-1",
        )  # fmt: skip
        return self.tell(replace(answered, **changes))

    def reject(self, row: str, number: int = 1, key: str | None = None, **changes) -> "Story":
        rejected = ev.Rejected(
            at=at(5), key=key or key_of(row), attempt=f"{number}-me", error_class="refused", reason="policy",
            final=True, stage="prompt", http_status=400,
        )  # fmt: skip
        return self.tell(replace(rejected, **changes))

    def lose(self, row: str, number: int = 1, key: str | None = None, reason: str = "timeout") -> "Story":
        return self.tell(ev.Unknown(at=at(5), key=key or key_of(row), attempt=f"{number}-me", reason=reason))

    def store(self, row: str, sample: int = 0, **changes) -> "Story":
        sha = sha_of(f"{row}/{sample}")
        stored = ev.Stored(
            at=at(8), key=key_of(row), sample_index=sample, image_key=f"images/{sha[:2]}/{sha}.png", sha256=sha,
            phash=sha[:16], format="png", width_px=1024, height_px=1024, size_bytes=len(f"{row}/{sample}"),
            has_c2pa=True, source_url=f"https://cdn.example/{row}-{sample}.png", url_expires_at=at(600),
            seconds_to_spare=592.5, download_ms=90, store_ms=9,
        )  # fmt: skip
        return self.tell(replace(stored, **changes))

    def read(self, row: str, sample: int = 0, **changes) -> "Story":
        read = ev.Read(
            at=at(9), key=key_of(row), sample_index=sample, reader="local:rapidocr", status="text", text="HI"
        )
        return self.tell(replace(read, **changes))

    def finish(self, row: str, outcome: str = "succeeded", **changes) -> "Story":
        return self.tell(replace(ev.Finished(at=at(10), key=key_of(row), outcome=outcome, run_id="buy-run"), **changes))

    def bought(self, row: str, **want) -> "Story":
        """The plain story: wanted, bought, stored, finished."""
        return self.want(row, **want).intend(row).answer(row).store(row).finish(row)


def finished_fold(rows: int, partition: int = 0) -> Fold:
    """A fold of plain finished rows."""
    story = Story()
    for number in range(rows):
        story.bought(f"p{partition}-r{number}", row_number=number + 1, tags={"colour": "red"})
    return story.fold
