"""Logs of a run that went well hold no known problem."""

from __future__ import annotations

import json

from e2e_support import Project


def test_good_logs_raise_no_alarm(undisturbed: Project) -> None:
    logs = sorted(str(path) for path in undisturbed.models.rglob("*.log"))
    assert len(logs) > 5
    done = undisturbed.run("diagnose", *logs, "--json")
    found = {item["code"] for item in json.loads(done.stdout)["diagnostics"]}
    assert (done.returncode, found - {"T0781"}) == (0, set()), "but that the clocks of this machine may vary"
