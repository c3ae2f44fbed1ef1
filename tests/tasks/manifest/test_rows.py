"""A fold becomes rows: every outcome, every way money can fall, every kind of result."""

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.keys import result_key, waiting_key
from tasks.journal import events as ev
from tasks.journal.fold import Fold
from tasks.journal.spend import spend_micros
from tasks.manifest.calls import call_rows
from tasks.manifest.rows import manifest_rows
from tests.tasks.manifest.story import Story, at, key_of, sha_of


def rows_of(story: Story) -> list[dict]:
    return list(manifest_rows(story.fold))


def one(story: Story) -> dict:
    (row,) = rows_of(story)
    return row


def w() -> Story:
    return Story().want("a")


OUTCOMES = [
    ("never called", w(), ("pending", "not_started", None), 0, 0, "no"),
    ("stopped by the budget", w().tell(ev.Paused(at=at(1), reason="budget", keys=(key_of("a"),))),
     ("pending", "budget", None), 0, 0, "no"),
    ("waiting for another row", Story().want("a", key=None, waiting_for=("b",)),
     ("pending", "waiting_for_input", None), 0, 0, "no"),
    ("in flight when the process died", w().intend("a"), ("unknown", "crash", None), None, 40_000, "unknown"),
    ("withdrawn before it was sent", w().intend("a").tell(
        ev.Withdrawn(at=at(2), key=key_of("a"), attempt="1-me", reason="stale")),
     ("pending", "not_started", None), 0, 0, "no"),
    ("answered, picture still to be fetched", w().intend("a").answer("a"),
     ("pending", "interrupted", None), 40_000, 0, "yes"),
    ("bought", Story().bought("a"), ("succeeded", None, None), 40_000, 0, "yes"),
    ("bought at an amount the reply does not tell",
     w().intend("a").answer("a", cost_micros=None).store("a").finish("a"), ("succeeded", None, None),
     None, 40_000, "yes"),
    ("refused for nothing", w().intend("a").reject("a"), ("refused", "policy", "prompt"), 0, 0, "no"),
    ("refused and charged", w().intend("a").reject("a", billed="yes", cost_micros=40_000, stage="output"),
     ("refused", "policy", "output"), 40_000, 0, "yes"),
    ("answered without a picture", w().intend("a").reject(
        "a", error_class="no_image", reason="no_image", billed="unknown", cost_micros=None),
     ("failed", "no_image", None), None, 40_000, "unknown"),
    ("rate limited", w().intend("a").reject("a", error_class="rate_limited", reason="rate_limited", final=False),
     ("pending", "interrupted", None), 0, 0, "no"),
    ("timed out", w().intend("a").lose("a"), ("unknown", "timeout", None), None, 40_000, "unknown"),
    ("timed out, then bought", w().intend("a").lose("a").intend("a", 2).answer("a", 2).store("a").finish("a"),
     ("succeeded", None, None), 40_000, 40_000, "yes"),
    ("timed out, then refused for nothing", w().intend("a").lose("a").intend("a", 2).reject("a", 2),
     ("refused", "policy", "prompt"), None, 40_000, "unknown"),
    ("timed out twice and held", w().intend("a").lose("a").intend("a", 2).lose("a", 2).tell(
        ev.Held(at=at(9), key=key_of("a"), reason="attempts_exhausted")), ("held", "attempts_exhausted", None),
     None, 80_000, "unknown"),
    ("charged for a refusal, then bought", w().intend("a").reject("a", billed="yes", cost_micros=10_000).tell(
        ev.Released(at=at(6), key=key_of("a"), run_id="r")).intend("a", 2).answer("a", 2).store("a").finish("a"),
     ("succeeded", None, None), 50_000, 0, "yes"),
    ("bought, its picture lost", w().intend("a").answer("a").finish("a", "failed", reason="url_expired"),
     ("failed", "url_expired", None), 40_000, 0, "yes"),
    ("input gone before any call", w().finish("a", "failed", reason="input_unavailable"),
     ("failed", "input_unavailable", None), 0, 0, "no"),
    ("bought twice, since the first answer came late", w().intend("a").lose("a").intend("a", 2).answer("a", 2).answer(
        "a", 1, late=True).store("a").finish("a"), ("succeeded", None, None), 80_000, 0, "yes"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("story", "outcome", "cost", "at_risk", "billed"),
    [case[1:] for case in OUTCOMES],
    ids=[case[0] for case in OUTCOMES],
)
def test_a_row_says_how_it_ended_and_what_it_cost(story, outcome, cost, at_risk, billed):
    row = one(story)
    assert (row["outcome"], row["outcome_reason"], row["refusal_stage"]) == outcome
    assert (row["cost_usd"], row["cost_at_risk_usd"], row["billed"]) == (cost, at_risk, billed)
    assert row["reused"] is False
    assert (row["finished_at"] is None) == (outcome[0] == "pending" or outcome == ("unknown", "crash", None))


def test_a_bought_row_carries_everything_known_of_it():
    row = one(Story().bought("a", row_number=7, take=1, tags={"z": "1", "b": ""}, input_sha256s=("f" * 64,)))
    sha = sha_of("a/0")
    expected = {
        "row_id": "a", "catalog": "cat", "take": 1, "sample_index": 0, "result_key": result_key(key_of("a"), 0),
        "run_id": "buy-run", "row_number": 7, "tags": [("b", ""), ("z", "1")], "params": '{"size":"1024x1024"}',
        "input_sha256s": ("f" * 64,), "http_status": 200, "attempts": 1, "image_uri": f"images/{sha[:2]}/{sha}.png",
        "source_url": "https://cdn.example/a-0.png", "url_expires_at": at(600), "seconds_to_spare": 592.5,
        "sha256": sha, "width_px": 1024, "size_as_requested": True, "has_c2pa": True, "revised_prompt": "a nicer one",
        "price_rule": "dall-e-3", "price_as_of": "2026-11-01", "started_at": at(1), "finished_at": at(10),
        "queue_ms": 7, "generate_ms": 4000, "download_ms": 90, "store_ms": 9, "current": True, "call_key": key_of("a"),
        "ocr_cost_usd": 0,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


def test_a_signature_in_an_offered_url_stays_out():
    row = one(w().intend("a").answer("a"))
    assert row["source_url"] == "https://cdn.example/a-0.png"
    assert "SECRET" not in repr(row)


def test_the_odd_micro_dollars_of_a_call_fall_on_sample_0():
    story = (
        Story().want("a", samples=3).intend("a", samples=3).answer("a", pictures=3, cost_micros=40_001, input_tokens=8)
    )
    for sample in range(3):
        story.store("a", sample)
    rows = rows_of(story.finish("a"))
    assert [row["cost_usd"] for row in rows] == [13_335, 13_333, 13_333]
    assert [row["input_tokens"] for row in rows] == [4, 2, 2]
    assert [row["sample_index"] for row in rows] == [0, 1, 2]


def test_money_at_risk_is_split_like_money_spent():
    rows = rows_of(Story().want("a", samples=3).intend("a", samples=3).lose("a"))
    assert [row["cost_at_risk_usd"] for row in rows] == [13_334, 13_333, 13_333]


def test_pictures_beyond_what_was_asked_for_are_rows_that_cost_nothing():
    story = w().intend("a").answer("a", pictures=2).store("a", 0).store("a", 1).finish("a")
    asked, extra = rows_of(story)
    assert (asked["cost_usd"], extra["cost_usd"], extra["billed"]) == (40_000, 0, "no")
    assert (extra["sample_index"], extra["outcome"], extra["sha256"]) == (1, "succeeded", sha_of("a/1"))


def test_pictures_that_did_not_come_are_rows_too():
    story = Story().want("a", samples=4).intend("a", samples=4)
    offered = (
        ev.AnsweredPicture(url="https://cdn.example/0.png"),
        ev.AnsweredPicture(bad="truncated"),
        ev.AnsweredPicture(url="https://cdn.example/2.png"),
    )
    story.tell(ev.Answered(at=at(5), key=key_of("a"), attempt="1-me", pictures=offered, cost_micros=40_000))
    rows = rows_of(story.store("a").finish("a"))
    assert [(row["outcome"], row["outcome_reason"]) for row in rows] == [
        ("succeeded", None), ("failed", "bad_image"), ("failed", "url_expired"), ("failed", "no_image"),
    ]  # fmt: skip
    assert sum(row["cost_usd"] for row in rows) == 40_000


def test_a_call_that_failed_keeps_the_pictures_it_did_deliver():
    story = Story().want("a", samples=2).intend("a", samples=2).answer("a", pictures=2).store("a", 1)
    first, second = rows_of(story.finish("a", "failed", reason="url_expired"))
    assert (first["outcome"], first["outcome_reason"]) == ("failed", "url_expired")
    assert (second["outcome"], second["image_uri"] is not None) == ("succeeded", True)


def test_a_row_that_shows_what_another_bought_costs_nothing():
    story = Story().bought("a").want("b", key=key_of("a"), catalog="other")
    paid, reuser = rows_of(story)
    assert (paid["reused"], paid["cost_usd"], paid["run_id"]) == (False, 40_000, "buy-run")
    assert (reuser["reused"], reuser["cost_usd"], reuser["billed"], reuser["run_id"]) == (True, 0, "no", "plan-run")
    assert (reuser["sha256"], reuser["outcome"]) == (paid["sha256"], "succeeded")


def test_each_attempt_is_paid_by_the_row_that_made_it():
    story = w().want("b", key=key_of("a")).intend("a").lose("a")
    story.intend("a", 2, row_id="b").answer("a", 2).store("a").finish("a")
    first, second = rows_of(story)
    assert (first["cost_usd"], first["cost_at_risk_usd"], first["reused"]) == (None, 40_000, False)
    assert (second["cost_usd"], second["cost_at_risk_usd"], second["reused"]) == (40_000, 0, False)


def test_money_of_a_payer_nobody_wants_any_more_is_not_lost():
    story = w().want("b", key=key_of("a")).intend("a", row_id="forgotten").answer("a").store("a").finish("a")
    assert [row["cost_usd"] for row in rows_of(story)] == [40_000, 0]


def test_a_rerun_never_changes_what_a_row_cost():
    story = Story().bought("a")
    before = one(story)["cost_usd"]
    story.want("a", run_id="second-run", digest="e" * 16)
    assert (one(story)["cost_usd"], one(story)["reused"]) == (before, False)


def test_an_edited_row_stays_and_is_no_longer_current():
    story = Story().bought("a").tell(
        ev.Unwanted(at=at(20), run_id="r", catalog="cat", row_id="a", take=1, key=key_of("a"))
    ).want("a", key=key_of("a, edited"))  # fmt: skip
    assert {(row["call_key"], row["current"], row["outcome"]) for row in rows_of(story)} == {
        (key_of("a"), False, "succeeded"), (key_of("a, edited"), True, "pending"),
    }  # fmt: skip


def test_a_placeholder_is_dropped_once_its_row_has_a_key():
    story = Story().want("a", key=None)
    assert one(story)["result_key"] == result_key(waiting_key("cat", "a", 1), 0)
    story.tell(ev.Unwanted(at=at(1), run_id="r", catalog="cat", row_id="a", take=1, key=None)).want("a")
    assert one(story)["call_key"] == key_of("a")


def test_a_paid_reading_has_its_own_column_and_its_own_calls():
    reading = f"{key_of('a')}/1/ocr/gpt-4o"
    story = (
        Story()
        .want("a", samples=2, ocr=True)
        .intend("a", samples=2)
        .answer("a", pictures=2)
        .store("a", 0)
        .store("a", 1)
    )
    story.intend("a", key=reading, purpose="ocr", model="gpt-4o", cap_micros=500).answer(
        "a", key=reading, cost_micros=300
    )
    story.read("a", 1, reader="gpt-4o", text="HELLO").finish("a")
    first, second = rows_of(story)
    assert (first["ocr_cost_usd"], first["ocr_status"]) == (0, None)
    assert (second["ocr_cost_usd"], second["ocr_text"], second["ocr_model"]) == (300, "HELLO", "gpt-4o")
    assert [second["attempts"], second["cost_usd"]] == [1, 20_000]
    assert {(call["purpose"], call["result_key"]) for call in call_rows(story.fold)} == {
        ("generate", first["result_key"]), ("ocr", second["result_key"]),
    }  # fmt: skip


def test_a_reading_that_was_lost_may_have_cost_and_never_changes_the_outcome():
    reading = f"{key_of('a')}/0/ocr/gpt-4o"
    story = Story().bought("a").intend("a", key=reading, purpose="ocr", cap_micros=500).lose("a", key=reading)
    story.read("a", reader="gpt-4o", status="failed", text=None)
    row = one(story)
    assert (row["outcome"], row["ocr_status"]) == ("succeeded", "failed")
    assert (row["cost_usd"], row["ocr_cost_usd"], row["cost_at_risk_usd"]) == (40_000, None, 500)


@pytest.mark.parametrize(
    ("reads", "shown"),
    [
        ([{}], ("local:rapidocr", "text", "HI")),
        ([{}, {"reader": "gpt-4o", "text": "HO", "at": at(12)}], ("gpt-4o", "text", "HO")),
        ([{"at": at(12)}, {"reader": "gpt-4o", "text": "HO"}], ("local:rapidocr", "text", "HI")),
        ([{}, {"reader": "gpt-4o", "text": None, "status": "failed", "at": at(12)}], ("local:rapidocr", "text", "HI")),
        ([{"status": "no_text", "text": None}], ("local:rapidocr", "no_text", None)),
    ],
    ids=["one", "newer model", "newer engine", "newer but failed", "empty"],
)
def test_the_newest_reading_that_says_what_is_there_is_shown(reads, shown):
    story = Story().bought("a", expected_text="HI")
    for read in reads:
        story.read("a", **read)
    row = one(story)
    assert (row["ocr_model"], row["ocr_status"], row["ocr_text"]) == shown
    assert row["cer"] == (1.0 if shown[2] != "HI" and shown[1] == "no_text" else 0.5 if shown[2] == "HO" else 0.0)


VISION = [
    (
        "ocr",
        "HELLO",
        {"ocr_text": "HELLO", "ocr_status": "text", "ocr_model": "gpt-4o", "answer_text": None, "cer": 0.2},
    ),
    ("ocr", " \n", {"ocr_text": " \n", "ocr_status": "no_text", "cer": 1.0}),
    ("describe", "a cat", {"answer_text": "a cat", "answer_json": None, "ocr_status": None, "cer": None}),
    ("ask", '```json\n{"b": 1, "a": [2.0]}\n```', {"answer_json": '{"a":[2],"b":1}'}),
    ("ask", '{"a": NaN}', {"answer_text": '{"a": NaN}', "answer_json": None}),
]


@pytest.mark.parametrize(("task", "text", "expected"), VISION)
def test_a_vision_row_shows_its_answer_where_it_belongs(task, text, expected):
    story = Story().want("a", operation="vision", model="gpt-4o", vision=task, expected_text="HALLO").intend("a")
    row = one(story.answer("a", pictures=0, text=text).finish("a"))
    assert {name: row[name] for name in expected} == expected
    assert (row["outcome"], row["cost_usd"], row["ocr_cost_usd"], row["image_uri"]) == ("succeeded", 40_000, 0, None)


@pytest.mark.parametrize(("reason", "status"), [("refused", "refused"), ("invalid", "failed")])
def test_a_vision_reading_that_was_refused_or_failed_says_so(reason, status):
    story = (
        Story().want("a", operation="vision", vision="ocr", model="gpt-4o").intend("a").reject("a", error_class=reason)
    )
    assert (one(story)["ocr_status"], one(story)["ocr_model"]) == (status, "gpt-4o")


def test_rows_come_in_catalog_order_whatever_order_they_happened_in():
    told = [("x", 2), ("y", 1), ("z", 10)]
    for order in itertools.permutations(told):
        story = Story()
        for row, number in order:
            story.want(row, row_number=number)
        assert [row["row_id"] for row in rows_of(story)] == ["y", "x", "z"]


FATES = st.sampled_from(["answer", "answer?", "reject", "charge", "doubt", "lose", "open", "withdraw"])


@given(
    calls=st.lists(st.tuples(st.sampled_from("ab"), FATES, st.integers(0, 99_999), st.sampled_from("abx")), max_size=8),
    samples=st.integers(1, 4),
    wanted=st.sampled_from([("a",), ("a", "b"), ("b", "a")]),
)
@settings(max_examples=150, deadline=None)
def test_every_micro_dollar_of_the_calls_is_in_exactly_one_row(calls, samples, wanted):
    story = Story()
    for row in wanted:
        story.want(row, samples=samples)
        story.want(f"{row}, again", key=key_of(row), catalog="other", samples=samples)
    numbers = Counter()
    for key, fate, cost, payer in calls:
        if key not in wanted:
            continue
        numbers[key] += 1
        _tell(
            story.intend(key, numbers[key], row_id=payer, run_id="r", cap_micros=70_001), key, numbers[key], fate, cost
        )
    rows = rows_of(story)
    known, at_risk = spend_micros(story.fold, "r")
    assert sum(row["cost_usd"] or 0 for row in rows) == known
    assert sum(row["cost_at_risk_usd"] for row in rows) == at_risk
    assert not [row for row in rows if row["cost_usd"] == 0 and row["cost_at_risk_usd"]]
    log = list(call_rows(story.fold))
    assert sum(call["cost_usd"] or 0 for call in log) == known
    assert len({call["call_id"] for call in log}) == len(log)


def _tell(story: Story, key: str, number: int, fate: str, cost: int) -> None:
    match fate:
        case "answer" | "answer?":
            story.answer(key, number, pictures=0, cost_micros=cost if fate == "answer" else None)
        case "reject":
            story.reject(key, number)
        case "charge":
            story.reject(key, number, billed="yes", cost_micros=cost)
        case "doubt":
            story.reject(key, number, billed="unknown", cost_micros=cost)
        case "lose":
            story.lose(key, number)
        case "withdraw":
            story.tell(ev.Withdrawn(at=at(2), key=key_of(key), attempt=f"{number}-me", reason="stale"))


def test_the_call_log_says_how_each_call_ended():
    story = w().intend("a").reject("a", error_class="rate_limited", reason="rate_limited", final=False, http_status=429)
    story.intend("a", 2, second=2).lose("a", 2).intend("a", 3, second=3).answer("a", 3, input_tokens=5, output_tokens=6)
    story.want("b").intend("b", second=4).want("c").intend("c").tell(
        ev.Withdrawn(at=at(2), key=key_of("c"), attempt="1-me", reason="stale")
    )
    shown = ("row_id", "attempt", "http_status", "error_class", "cost_usd", "billed", "request_id", "output_tokens")
    assert [tuple(call[name] for name in shown) for call in call_rows(story.fold)] == [
        ("a", 1, 429, "rate_limited", 0, "no", None, None),
        ("a", 2, None, "unknown", None, "unknown", None, None),
        ("a", 3, 200, None, 40_000, "yes", "req-1", 6),
        ("b", 1, None, None, None, "unknown", None, None),
    ]


def test_an_empty_partition_has_no_rows():
    assert list(manifest_rows(Fold())) == []
    assert list(call_rows(Fold())) == []
