import json
import os
import subprocess
import sys
from dataclasses import replace

from tasks.journal.events import Owner
from tasks.journal.owner import has_ended, provably_gone, this_process

CHILD = """
import dataclasses, json
from tasks.journal.owner import this_process
print(json.dumps(dataclasses.asdict(this_process("r"))), flush=True)
input()
"""


def test_every_call_is_another_owner_of_the_same_process() -> None:
    first, second = this_process("run"), this_process("run")
    assert first.token != second.token
    assert replace(first, token=second.token) == second
    assert (first.pid, first.run_id) == (os.getpid(), "run")


def test_a_living_process_is_not_gone() -> None:
    assert not provably_gone(this_process("run"))


def test_a_process_is_gone_when_it_was_killed_even_if_nobody_reaped_it() -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        owner = Owner(**json.loads(child.stdout.readline()))
        assert not provably_gone(owner)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and not reaped
        assert provably_gone(owner)
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()
    assert provably_gone(owner)


def test_a_reused_process_number_does_not_pass_for_the_old_process() -> None:
    assert provably_gone(replace(this_process("run"), started="1"))


def test_nothing_is_proved_about_another_host_boot_or_name_space() -> None:
    gone = replace(this_process("run"), started="1")
    assert not provably_gone(replace(gone, boot_id="other"))
    assert not provably_gone(replace(gone, pid_ns="pid:[1]"))
    assert not provably_gone(replace(gone, boot_id=""))


def test_an_owner_that_ended_in_a_process_that_goes_on_is_gone_and_no_other_of_that_process() -> None:
    ended, going_on = this_process("run"), this_process("run")
    has_ended(ended)
    assert provably_gone(ended)
    assert not provably_gone(going_on)
