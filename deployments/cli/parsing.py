"""An argument parser that complains in one clear line a mistake, all of them at once, instead of the whole usage."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn


class UsageMistake(Exception):
    """Something the user typed cannot be meant; ``lines`` say what, one line a mistake."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Parser(argparse.ArgumentParser):
    """Raises ``UsageMistake`` where argparse would print and exit. Options are not abbreviated: scripts would break."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, allow_abbrev=False)
        self._mistakes: list[str] = []

    def error(self, message: str) -> NoReturn:
        """What argparse cannot read past, after the mistakes that were found before it."""
        raise UsageMistake(*self._mistakes, f"{message}; see `{self.prog} --help`")

    def parsed(self, words: Sequence[str]) -> argparse.Namespace:
        """The words as options; ``UsageMistake`` lists every value that cannot be read and every unknown option."""
        self._mistakes = []
        for action in self._actions:
            self._note_mistakes_of(action)
        args, unknown = self.parse_known_args(words)
        for word in (word.partition("=")[0] for word in unknown):
            what = "option" if word.startswith("-") else "argument"
            self._mistakes.append(f"unknown {what} {word!r}{did_you_mean(word, self._option_string_actions)}")
        if self._mistakes:
            self.error(self._mistakes.pop())
        return args

    def _note_mistakes_of(self, action: argparse.Action) -> None:
        """Argparse stops at the first value it cannot read: let reading one never fail, and remember it instead."""
        if not (action.type or action.choices):
            return
        read: Callable[[str], Any] = action.type if callable(action.type) else str
        if action.choices:
            read = one_of(list(action.choices))
            action.metavar = action.metavar or f"{{{','.join(action.choices)}}}"
            action.choices = None

        def value(text: str) -> Any:
            try:
                return read(text)
            except (argparse.ArgumentTypeError, ValueError) as error:
                self._mistakes.append(f"argument {'/'.join(action.option_strings)}: {error}")
                return None

        action.type = value


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?``, or nothing if no known word is near."""
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def one_of(words: Sequence[str]) -> Callable[[str], str]:
    """The type of one of some words."""

    def known(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is none of {', '.join(words)}{did_you_mean(text, words)}")
        return text

    return known
