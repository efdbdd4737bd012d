"""Every fixture scored whole by the built program, against its float64 truth."""

import subprocess
import sys

from conftest import ROOT, TISMSCAN


def test_fixtures_are_within_their_limits():
    run = subprocess.run(
        [sys.executable, ROOT / "Tests/validators/fixture_errors.py", TISMSCAN], capture_output=True, text=True)
    print(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
