"""A key file with the place of everything in it, and the findings about its form."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from dsimport.compiler.diagnostics import Report, Span
from dsimport.compiler.escape import single_line
from dsimport.compiler.keyfile import BadLine, Entry, Group, Item, scan
from dsimport.compiler.textlines import line_starts

__all__ = ["ConfigText"]

_BOM = "\ufeff"


class ConfigText:
    """One configuration file. file: its name in diagnostics."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.has_bom = text.startswith(_BOM)
        text = text.removeprefix(_BOM)
        self._starts = line_starts(text)
        self._items: list[Item] = list(scan(text))
        self._groups: dict[str, Group] = {}
        self._entries: dict[str, dict[str, Entry]] = {}
        for item in self._items:
            if isinstance(item, Group):
                self._groups.setdefault(item.name, item)
                self._entries.setdefault(item.name, {})
            elif isinstance(item, Entry):
                self._entries[item.group][item.key] = item

    def groups(self) -> Iterator[Group]:
        """Each group once, at its first place."""
        yield from self._groups.values()

    def group(self, name: str) -> Group | None:
        return self._groups.get(name)

    def entries(self, group: str) -> dict[str, Entry]:
        """The entries of a group by key; of a key given twice the last, as GLib takes it."""
        return self._entries.get(group, {})

    def group_span(self, group: Group) -> Span:
        return self._span(group.offset, len(group.name))

    def key_span(self, entry: Entry) -> Span:
        return self._span(entry.offset, len(entry.key))

    def value_span(self, entry: Entry) -> Span:
        return self._span(entry.value_offset, len(entry.value))

    def check_form(self, report: Report) -> None:
        """Lines for which GLib rejects the file, and what it takes twice."""
        if self.has_bom:
            report.error(
                "C0103",
                "the file starts with a byte order mark, for which the whole file is rejected",
                Span(self.file, 1, 1),
                help="save it as UTF-8 without BOM",
            )
        seen_groups: dict[str, Group] = {}
        seen_keys: dict[tuple[str, str], Entry] = {}
        for item in self._items:
            if isinstance(item, BadLine):
                self._bad_line(item, report)
            elif isinstance(item, Group):
                self._group_again(item, seen_groups, report)
            else:
                self._key_again(item, seen_keys, report)

    def _bad_line(self, item: BadLine, report: Report) -> None:
        report.error(
            "C0104",
            "a line for which the whole file is rejected",
            self._span(item.offset, max(1, len(item.line.strip()))),
            help="a line is [group], key=value, or starts with #",
            notes=(f"GLib: {single_line(item.message)}",),
        )

    def _group_again(self, group: Group, seen: dict[str, Group], report: Report) -> None:
        first = seen.setdefault(group.name, group)
        if first is not group:
            report.warning(
                "C0106",
                f"the group [{single_line(group.name)}] appears again: both are read as one",
                self.group_span(group),
                label=f"first on line {self.group_span(first).line}",
                help="put its keys into one group",
            )

    def _key_again(self, entry: Entry, seen: dict[tuple[str, str], Entry], report: Report) -> None:
        first = seen.get((entry.group, entry.key))
        seen[(entry.group, entry.key)] = entry
        if first is not None and not entry.key.startswith(";"):
            report.warning(
                "C0105",
                f"'{single_line(entry.key)}' is given again: this value counts, the earlier one does not",
                self.key_span(entry),
                label=f"earlier on line {self.key_span(first).line}",
                help="remove one of the two",
            )

    def _span(self, offset: int, length: int) -> Span:
        line = bisect_right(self._starts, offset)
        return Span(self.file, line, offset - self._starts[line - 1] + 1, max(1, length))
