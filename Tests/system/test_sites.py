"""`scan --sites`: each site's own logit and map, against `score` on the windows around the sites, on both strands."""

import numpy as np
import pyBigWig
import pytest
from conftest import GENOME, MODEL, ROOT, sequence, tismscan

CONTIG = "NC_000913.3"
FLANK = 80


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    rows = [r.split("\t") for r in (ROOT / "examples/ecoli/tss_curated.bed").read_text().splitlines() if r[0] != "#"]
    # Neighbours that overlap, on both strands, in an order that is not the genome's.
    chosen = [r for r in rows if 3_400_000 <= int(r[1]) < 3_480_000][::-1]
    assert {r[5] for r in chosen} == {"+", "-"}
    folder = tmp_path_factory.mktemp("sites")
    (folder / "sites.bed").write_text("".join("\t".join(r[:6]) + "\n" for r in chosen))
    with open(folder / "windows.fa", "w") as out:
        for r in chosen:
            start = int(r[1])
            out.write(f">{r[3]}\n{sequence(CONTIG, start - FLANK, start + FLANK + 1, r[5])}\n")
    tismscan(
        "scan", "--model", MODEL, "--genome", GENOME, "--sites", folder / "sites.bed", "--method", "predict,tism,ism",
        "--reduce", "importance,alt", "--output", folder / "run")
    return folder, chosen


@pytest.mark.parametrize("method", ["tism", "ism"])
def test_arrays_equal_score(sites, method):
    folder, chosen = sites
    tismscan(
        "score", "--model", MODEL, "--sequences", folder / "windows.fa", "--method", method, "--output-kind", "window",
        "--target", f"0:{FLANK}", "--output", folder / f"{method}.npz")
    truth, found = np.load(folder / f"{method}.npz"), np.load(folder / f"run/sites.{method}.npz")
    assert [n.decode() for n in found["names"]] == [r[3] for r in chosen]
    assert np.allclose(found["logits"], truth["prediction"][:, 0], rtol=0, atol=1e-5)
    columns = FLANK + found["offsets"]
    assert np.array_equal(found["sequences"], truth["sequences"][:, columns])
    largest = np.abs(truth[method]).max()
    assert np.abs(found[method] - truth[method][:, 0][:, :, columns]).max() <= 1e-6 * largest
    outside = np.delete(truth[method][:, 0], columns, axis=2)
    assert not outside.any(), "the span holds every base that moves the logit"


def test_tracks_take_the_strongest_site(sites):
    folder, chosen = sites
    found = np.load(folder / "run/sites.ism.npz")
    for strand, symbol in [("plus", "+"), ("minus", "-")]:
        best: dict[int, tuple[float, float]] = {}
        for index, row in enumerate(chosen):
            if row[5] != symbol:
                continue
            for column, offset in enumerate(found["offsets"]):
                if not -60 <= offset <= 20:
                    continue
                base = int(row[1]) + int(offset) * (1 if symbol == "+" else -1)
                scores = np.delete(found["ism"][index, :, column], found["sequences"][index, column])
                size = np.abs(scores).max()
                if base not in best or size > best[base][0]:
                    best[base] = (size, -scores.astype(np.float64).sum() / 3)
        with pyBigWig.open(str(folder / f"run/ism.site.importance.{strand}.bw")) as track:
            values = track.values(CONTIG, 0, track.chroms()[CONTIG], numpy=True)
        assert set(np.flatnonzero(np.isfinite(values)).tolist()) == set(best)
        assert all(np.isclose(values[base], value, rtol=1e-5, atol=1e-7) for base, (_, value) in best.items())


def test_refusals(sites, tmp_path):
    folder, _ = sites
    (tmp_path / "wide.bed").write_text(f"{CONTIG}\t10\t12\tx\t0\t+\n")
    (tmp_path / "strandless.bed").write_text(f"{CONTIG}\t10\t11\n")
    for name, expect in [("wide.bed", 3), ("strandless.bed", 3)]:
        run = tismscan(
            "scan", "--model", MODEL, "--genome", GENOME, "--sites", tmp_path / name, "--output", tmp_path / "o",
            expect=expect)
        assert f"{name}:1" in run.stderr
    both = tismscan(
        "scan", "--model", MODEL, "--genome", GENOME, "--sites", folder / "sites.bed", "--region", CONTIG, "--output",
        tmp_path / "p", expect=2)
    assert "--region" in both.stderr
