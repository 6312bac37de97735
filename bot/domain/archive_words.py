"""What an archive does not hold, in words for its owner."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from bot.domain.archives import Excluded, Report
from bot.domain.retries import size
from bot.domain.trees import shown

_NAMED = 3
_LONGEST = 40  # characters of a name


def lacking(report: Report) -> str:
    """In sentences, with sizes; empty where the archive holds all there is."""
    said = [_excluded(report.excluded), _lost(report), _links(report)]
    said += [
        f"{each.entries} files ({size(each.bytes)}) in {each.folder} lie outside of the workspace."
        for each in report.outside
    ]
    return " ".join(one for one in said if one)


def unreadable(report: Report) -> str:
    """The names of what is lost to an archive: `a, b and 2 more`."""
    return _named([each.path for each in report.unarchivable if each.lost])


def _excluded(excluded: Iterable[Excluded]) -> str:
    """By rule, the largest first, each with its largest name."""
    rules: defaultdict[str, list[Excluded]] = defaultdict(list)
    for each in excluded:
        rules[each.rule].append(each)
    sums = {rule: sum(each.bytes for each in found) for rule, found in rules.items()}
    ranked = sorted(rules, key=lambda rule: (-sums[rule], rule))
    parts = [
        f"{_short(max(rules[rule], key=lambda each: each.bytes).path)} ({rule}, {size(sums[rule])})"
        for rule in ranked[:_NAMED]
    ]
    more = f" and {len(ranked) - _NAMED} more kinds" if len(ranked) > _NAMED else ""
    return f"Left out: {', '.join(parts)}{more}." if parts else ""


def _lost(report: Report) -> str:
    names = unreadable(report)
    return f"Cannot be archived: {names}." if names else ""


def _links(report: Report) -> str:
    count = len(report.links_out)
    if not count:
        return ""
    links = "a link" if count == 1 else f"{count} links"
    return f"Not in it is what lies behind {links} out of the workspace."


def _named(paths: Sequence[bytes]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(map(_short, paths[:_NAMED])) + more


def _short(path: bytes) -> str:
    text = shown(path)
    return text if len(text) <= _LONGEST else f"…{text[1 - _LONGEST :]}"
