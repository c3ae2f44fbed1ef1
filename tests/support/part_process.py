"""``python -m tests.support.part_process JSON``: one part of a run in a process of its own, to be killed by a test."""

import asyncio
import json
import sys
from typing import Any

from tasks.engine.running.part import part_of
from tasks.engine.running.session import Session, new_session
from tasks.engine.running.sharing import execute_part
from tasks.form import checked_options
from tasks.settings import read_settings


def part_session(form: dict[str, Any], part: dict[str, Any]) -> Session:
    """What ``flows.generate_part`` works with, without Prefect."""
    mine = part_of(part)
    session = new_session(checked_options(form), read_settings("sandbox"), mine.run_id, say=lambda _: None)
    session.part = mine
    return session


def main() -> None:
    asked = json.loads(sys.argv[1])
    asyncio.run(execute_part(part_session(asked["form"], asked["part"]), part_of(asked["part"])))


if __name__ == "__main__":
    main()
