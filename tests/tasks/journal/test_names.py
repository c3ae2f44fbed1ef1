import pytest

from tasks.journal.dataset import partition_name, partition_of
from tasks.journal.names import (
    AnswerId,
    late_answer,
    late_name,
    late_prefix,
    segment_name,
    segment_seq,
    segments_prefix,
)


@pytest.mark.parametrize("key", ["ab" * 32, "ab" * 32 + "/0/ocr/gpt-4o", "ab" * 32 + "/12/ocr/black forest/flux.2%中"])
def test_the_name_of_a_late_answer_tells_partition_key_and_attempt(key: str) -> None:
    answer = AnswerId("07", key, "2-0123abcd")
    assert late_answer(late_name(answer)) == answer
    assert late_name(answer).count("/") == 3
    assert late_name(answer).startswith(late_prefix("07", key))


@pytest.mark.parametrize("seq", [1, 9, 10, 123_456, 999_999_999])
def test_segment_names_sort_as_their_numbers_and_apart_from_late_answers(seq: int) -> None:
    name = segment_name("07", seq)
    assert segment_seq(name) == seq
    assert name > segment_name("07", seq - 1)
    assert name.startswith(segments_prefix("07"))
    assert not late_prefix("07").startswith(segments_prefix("07"))


@pytest.mark.parametrize("partitions", [1, 2, 3, 16, 4096])
def test_partitions_share_the_keys_evenly_and_are_named_in_order(partitions: int) -> None:
    assert partition_of("0" * 64, partitions) == 0
    assert partition_of("f" * 64, partitions) == partitions - 1
    counts = [0] * partitions
    for i in range(partitions * 16):
        counts[partition_of(f"{i * (1 << 32) // (partitions * 16):08x}" + "0" * 56, partitions)] += 1
    assert set(counts) <= {15, 16, 17}
    names = [partition_name(i, partitions) for i in range(partitions)]
    assert names == sorted(names)
    assert partition_name(7, 16) == "07"
