"""The table of diagnostic codes is whole."""

from __future__ import annotations

import re
from pathlib import Path

from dsimport.compiler import codes
from dsimport.compiler.codes import CODES

ROOT = Path(__file__).parent.parent.parent
TABLES = sorted(path.name for path in (ROOT / "compiler").glob("codes*.py"))


def used() -> dict[str, set[str]]:
    """Codes in the source, with the files that name them; the tables themselves do not count."""
    found: dict[str, set[str]] = {}
    for folder in ("compiler", "runtime", "dsimport"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name not in TABLES:
                for code in re.findall(r'"([A-Z]\d{4})"', path.read_text(encoding="utf-8")):
                    found.setdefault(code, set()).add(path.relative_to(ROOT).as_posix())
    return found


def test_every_code_in_the_source_has_its_explanation() -> None:
    missing = {code: sorted(files) for code, files in sorted(used().items()) if code not in CODES}
    assert missing == {}


def test_every_explanation_belongs_to_a_code_in_the_source() -> None:
    assert sorted(set(CODES) - set(used())) == []


def test_tables_do_not_overlap() -> None:
    blocks = sum(len(re.findall(r'"[A-Z]\d{4}": CodeDoc', (ROOT / "compiler" / name).read_text())) for name in TABLES)
    assert blocks == len(CODES)


def test_explanations_read_well() -> None:
    for code, doc in CODES.items():
        assert re.fullmatch(r"[RNPAGTHSC]\d{4}", code)
        assert doc.title == doc.title.strip()
        assert "\n" not in doc.title
        assert not doc.title.endswith(".")
        assert doc.explanation.endswith((".", "`"))
        assert max(map(len, doc.explanation.splitlines())) <= 120
    assert codes.__all__ == ["CODES", "CodeDoc"]
