"""The session opens in the real IGV desktop, which draws every track."""

import os
import shutil
import subprocess
from pathlib import Path

from conftest import GENOME


def test_session_in_igv(demo, tmp_path):
    # Without a network IGV cannot fetch its default genome; this one stands in, as the user's own last genome would.
    (tmp_path / "igv").mkdir()
    (tmp_path / "igv/prefs.properties").write_text(f"DEFAULT_GENOME_KEY={GENOME}\n")
    batch = tmp_path / "batch.txt"
    batch.write_text(
        "\n".join([
            f"load {demo / 'genome/igv_session.xml'}", f"snapshotDirectory {tmp_path}", "maxPanelHeight 1200",
            "goto NC_000913.3:2823600-2824000", "snapshot recA.png", "exit", ""]))
    run = subprocess.run(
        ["xvfb-run", "-a", "-s", "-screen 0 1600x1200x24", "igv", "-b", batch], capture_output=True, text=True,
        timeout=240, env={**os.environ, "JAVA_TOOL_OPTIONS": f"-Duser.home={tmp_path}"})
    picture = tmp_path / "recA.png"
    assert picture.exists(), run.stdout[-2000:] + run.stderr[-2000:]
    assert picture.stat().st_size > 20_000, "an empty window is a small picture"
    keep = os.environ.get("TISMSCAN_PICTURES")
    if keep:
        shutil.copy(picture, Path(keep) / "igv_recA.png")
