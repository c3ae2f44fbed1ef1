import asyncio
import threading
import time

import pytest

from tasks.storage.crew import Crew, GroupCrew


@pytest.fixture
def crew():
    made = Crew(3, "test-crew")
    yield made
    made.close()


async def test_every_job_gives_its_own_result_or_error(crew):
    def work(number):
        if number % 7 == 0:
            raise ValueError(number)
        return number * 2

    found = await asyncio.gather(*(crew.run(lambda n=n: work(n)) for n in range(500)), return_exceptions=True)

    for number, result in enumerate(found):
        assert (result.args == (number,)) if number % 7 == 0 else result == number * 2


async def test_no_more_threads_work_at_once_than_were_asked_for(crew):
    lock, running, most = threading.Lock(), 0, 0

    def work():
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1

    await asyncio.gather(*(crew.run(work) for _ in range(60)))

    assert most == 3


async def test_a_job_that_was_begun_goes_on_although_its_caller_was_cancelled(crew):
    begun, done = threading.Event(), threading.Event()
    waiting = crew.run(lambda: (begun.set(), time.sleep(0.02), done.set()))
    await asyncio.to_thread(begun.wait, 5)

    waiting.cancel()

    assert await asyncio.to_thread(done.wait, 5)
    assert await crew.run(lambda: "still at work") == "still at work"


async def test_a_job_cancelled_before_its_turn_is_not_done():
    crew, hold, done = Crew(1, "one"), threading.Event(), []
    first = crew.run(hold.wait)
    second = crew.run(lambda: done.append("second"))
    second.cancel()
    hold.set()
    await first
    await crew.run(lambda: done.append("third"))
    crew.close()

    assert done == ["third"]


def test_one_crew_serves_one_loop_after_the_other(crew):
    async def ask(number):
        return await crew.run(lambda: number)

    assert [asyncio.run(ask(number)) for number in range(5)] == list(range(5))


async def test_the_loop_is_woken_once_for_what_was_done_meanwhile(crew, monkeypatch):
    loop, calls = asyncio.get_running_loop(), []
    real = loop.call_soon_threadsafe
    monkeypatch.setattr(loop, "call_soon_threadsafe", lambda *args: calls.append(1) or real(*args))
    jobs = [crew.run(lambda: None) for _ in range(100)]
    time.sleep(0.2)  # the loop is busy; all jobs are done before it looks again
    await asyncio.gather(*jobs)

    assert len(calls) == 1


async def test_what_came_while_a_group_was_at_work_is_done_together_and_each_job_hears_of_its_own():
    hold, groups = threading.Event(), []

    def work(jobs):
        groups.append(list(jobs))
        hold.wait(5)
        return [ValueError(job) if job % 7 == 0 else None for job in jobs]

    crew = GroupCrew(work, 1, "group", at_once=8)
    jobs = [crew.run(number) for number in range(20)]
    await asyncio.to_thread(lambda: [time.sleep(0.01) for _ in range(500) if not groups])
    jobs[5].cancel()
    hold.set()
    found = await asyncio.gather(*jobs, return_exceptions=True)
    crew.close()

    assert [number for group in groups for number in group] == [n for n in range(20) if n != 5]
    assert max(map(len, groups)) == 8
    assert [n for n, error in enumerate(found) if isinstance(error, ValueError)] == [0, 7, 14]


async def test_a_group_that_fails_as_a_whole_fails_each_of_its_jobs():
    def work(_jobs):
        raise KeyError("all of them")

    crew = GroupCrew(work, 1, "group", at_once=8)
    found = await asyncio.gather(*(crew.run(number) for number in range(3)), return_exceptions=True)
    crew.close()

    assert [type(error) for error in found] == [KeyError] * 3
