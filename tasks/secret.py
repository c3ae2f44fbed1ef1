"""The API key from a Prefect Secret block, for workers whose environment has none.

Never a parameter: those are stored in plain text.
"""

from prefect.blocks.system import Secret

from tasks.settings import MissingKey, Settings, with_key


async def with_block_key(settings: Settings) -> Settings:
    """``settings`` with the key of the block it names, if no variable had one. ``MissingKey``: no such block."""
    if settings.api_key or not settings.key_block:
        return settings
    try:
        block: Secret[str] = await Secret.aload(settings.key_block)
    except ValueError as error:
        raise MissingKey(f"no Secret block {settings.key_block!r} (PRINTROOM_API_KEY_BLOCK): {error}") from None
    return with_key(settings, str(block.get()))
