"""An argument parser whose complaint is one line with the nearest word, instead of the whole usage."""

import argparse
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import NoReturn


class UsageMistake(Exception):
    """Something the user typed cannot be meant; the message is the one clear line."""


class Parser(argparse.ArgumentParser):
    """Raises ``UsageMistake`` where argparse would print and exit. Options are not abbreviated: scripts would break."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """One line that says where the options are explained."""
        raise UsageMistake(f"{message}; see `{self.prog} --help`")

    def parsed(self, words: Sequence[str]) -> argparse.Namespace:
        """The words as options; ``UsageMistake`` names the option that an unknown one is near to."""
        args, unknown = self.parse_known_args(words)
        if unknown:
            word = unknown[0].partition("=")[0]
            what = "option" if word.startswith("-") else "argument"
            self.error(f"unknown {what} {word!r}{did_you_mean(word, self._option_string_actions)}")
        return args


def did_you_mean(word: str, known: Sequence[str] | dict[str, argparse.Action]) -> str:
    """``; did you mean 'x'?``, or nothing if no known word is near."""
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def at_least(low: int) -> Callable[[str], int]:
    """The type of a whole number that is not below ``low``."""

    def whole(text: str) -> int:
        if not text.lstrip("-").isdecimal() or int(text) < low:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of {low} or more")
        return int(text)

    return whole


def seconds(text: str) -> float:
    """The type of a time that is not negative."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value
