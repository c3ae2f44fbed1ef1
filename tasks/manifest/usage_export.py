"""A gateway's usage export: a CSV as its console writes it, in English or Chinese, read into lines with time and money.

Header names are matched in any case, blanks and underscores alike. Needed: a time, a model, and an amount in USD or in
one-api's quota units (500,000 to the dollar). A request id makes the match exact where both sides have it.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation

QUOTA_PER_USD = 500_000
_COLUMNS: Mapping[str, str] = {
    name: meaning
    for meaning, names in {
        "time": "created_at created time timestamp date datetime request_time 时间 创建时间 请求时间 调用时间 日期",
        "model": "model model_name model_id 模型 模型名称 模型名",
        "usd": "cost_usd usd amount_usd cost amount price total_cost charge fee 费用 金额 花费 消费 消费金额 扣费",
        "quota": "quota quota_used used_quota 额度 消耗额度 配额 消耗配额 点数",
        "request_id": "request_id requestid x_request_id trace_id 请求id 请求编号",
        "type": "type log_type 类型 日志类型",
        "token": "token_name token key key_name 令牌 令牌名称 密钥",
    }.items()
    for name in names.split()
}
_CONSUMED = frozenset({"", "consume", "consumption", "usage", "2", "消费", "消耗"})
_EPOCH = re.compile(r"\d{10}(?:\d{3})?(?:\.\d+)?")
_ZH_DATE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日")


class UnreadableExport(ValueError):
    """The file is no usage export; the message says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """One charge that the gateway lists. ``quota`` is set where the amount came in quota units (2 micro-dollars)."""

    line: int  # in the file, the header is 1
    at: datetime  # UTC
    model: str  # as the gateway spells it
    cost_micros: int
    quota: int | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageExport:
    """The charges of an export, and how many of its lines are something else (top-ups, errors, other keys)."""

    lines: tuple[BillLine, ...]
    ignored: int


def read_export(data: bytes, *, utc_offset_h: float = 0.0, token: str | None = None) -> UsageExport:
    """The charges in ``data`` (UTF-8, with or without BOM, or GB18030). Raises ``UnreadableExport``.

    ``utc_offset_h``: of times that name no zone (8 = China). ``token``: only lines of the key with this name.
    """
    rows = csv.reader(io.StringIO(_text(data)), delimiter=_delimiter(_text(data)))
    header = next(rows, [])
    at = _places(header)
    zone = timezone(timedelta(hours=utc_offset_h))
    lines: list[BillLine] = []
    ignored = 0
    for number, cells in enumerate(rows, 2):
        row = {meaning: cells[place].strip() for meaning, place in at.items() if place < len(cells)}
        if not any(cells):
            continue
        if row.get("type", "").casefold() not in _CONSUMED or (token is not None and row.get("token") != token):
            ignored += 1
            continue
        line = _line(number, row, zone)
        lines.append(line) if line.cost_micros else None
        ignored += line.cost_micros == 0
    return UsageExport(lines=tuple(lines), ignored=ignored)


def _text(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableExport("the file is neither UTF-8 nor GB18030 text")


def _delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return max(",;\t", key=header.count)


def _places(header: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, name in enumerate(header):
        meaning = _COLUMNS.get(re.sub(r"[\s_-]+", "_", _bare(name)))
        if meaning is not None:
            found.setdefault(meaning, place)
    missing = [name for name in ("time", "model") if name not in found]
    if "usd" not in found and "quota" not in found:
        missing.append("amount (USD or quota)")
    if missing:
        raise UnreadableExport(f"no column for {', '.join(missing)}; the header is {', '.join(header) or 'empty'}")
    return found


def _bare(name: str) -> str:
    """A header name without unit and case: ``费用 (USD)`` is ``费用``."""
    return re.sub(r"[(（\[].*", "", name).strip().casefold()


def _line(number: int, row: Mapping[str, str], zone: timezone) -> BillLine:
    try:
        quota = None if row.get("usd") else round(Decimal(row.get("quota", "").replace(",", "")))
        micros = _usd_micros(row["usd"]) if quota is None else quota * 1_000_000 // QUOTA_PER_USD
        at = _moment(row.get("time", ""), zone)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise UnreadableExport(f"line {number}: {error or 'an amount that is no number'}") from None
    return BillLine(
        line=number, at=at, model=row.get("model", ""), cost_micros=micros, quota=quota,
        request_id=row.get("request_id") or None,
    )  # fmt: skip


def _usd_micros(text: str) -> int:
    if any(mark in text for mark in "¥￥€元"):
        raise ValueError(f"{text!r} is not in USD")
    plain = re.sub(r"[\s,]|USD|US\$|[$＄]", "", text, flags=re.IGNORECASE)
    try:
        return round(Decimal(plain) * 1_000_000)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount") from None


def _moment(text: str, zone: timezone) -> datetime:
    if _EPOCH.fullmatch(text):
        seconds = float(text) / (1000 if len(text.partition(".")[0]) == 13 else 1)
        return datetime.fromtimestamp(seconds, UTC)
    plain = _ZH_DATE.sub(lambda d: f"{d[1]}-{int(d[2]):02d}-{int(d[3]):02d}", text).replace("/", "-")
    try:
        moment = datetime.fromisoformat(plain.removesuffix(" UTC").strip())
    except ValueError:
        raise ValueError(f"{text!r} is not a time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def header_names() -> Iterable[tuple[str, str]]:
    """Every header name that is understood, with its meaning; for the documentation."""
    return _COLUMNS.items()
