"""What the page of the comparisons says: every family, enough of them, and no difference."""

from __future__ import annotations

from pathlib import Path

from dsimport.compiler.families import family_names

PAGE = Path(__file__).parents[2] / "docs/exactness.md"
TENSORS, SCORE, PIXELS = 200, 1e-6, 1e-3


def rows() -> list[list[str]]:
    """The table's cells: family, whose code, which tensors, and the numbers."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    return [[cell.strip(" `").replace(",", "") for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_family_was_compared_and_gave_the_same() -> None:
    random = {row[0] for row in rows() if row[2] == "random" and int(row[3]) >= TENSORS}
    assert sorted(random) == family_names()
    for family, _, _, _, objects, score, edge, missing, extra, _ in rows():
        assert int(objects) > 0, family
        assert (float(score) <= SCORE, float(edge) <= PIXELS, missing, extra) == (True, True, "0", "0"), family
