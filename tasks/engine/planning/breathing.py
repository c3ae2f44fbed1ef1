"""Planning takes minutes of CPU for millions of rows: meanwhile the process must be able to show that it lives."""

import asyncio

_ROWS_AT_ONCE = 1000


async def breathe(rows_done: int) -> None:
    """Let the event loop do what else is due, once every thousand rows."""
    if rows_done % _ROWS_AT_ONCE == 0:
        await asyncio.sleep(0)
