"""What `make demo` writes, read by the readers that people use and compared with `score` and with the known biology."""

import json
import subprocess
import xml.etree.ElementTree

import numpy as np
import pyBigWig
import pybigtools
import pytest
from conftest import GENOME, MODEL, ROOT, sequence, tismscan

CONTIG = "NC_000913.3"
TRACKS = [
    f"genome/{name}.{strand}.bw"
    for name in ["predict.probability", "tism.weighted.importance", "tism.weighted.loss"]
    for strand in ["plus", "minus"]
] + [f"ism/ism.weighted.{reduction}.{strand}.bw" for reduction in ["importance", "loss"] for strand in ["plus", "minus"]]


def table(name, columns):
    rows = (ROOT / "examples/ecoli" / name).read_text().splitlines()
    return [[row.split("\t")[c] for c in columns] for row in rows if not row.startswith("#")]


def values(path):
    with pyBigWig.open(str(path)) as track:
        (contig, length), = track.chroms().items()
        assert contig == CONTIG
        return track.values(contig, 0, length, numpy=True)


@pytest.mark.parametrize("name", TRACKS)
def test_readers_agree(demo, name):
    ours = values(demo / name)
    other = pybigtools.open(str(demo / name)).values(CONTIG, fillna=np.nan)
    assert np.array_equal(ours, other.astype(np.float32), equal_nan=True)
    present = np.isfinite(ours)
    if name.startswith("genome"):
        assert present.all()
    else:
        regions = table("regions.bed", (0, 1, 2))
        wanted = np.zeros(len(ours), dtype=bool)
        for _, start, end in regions:
            wanted[int(start) : int(end)] = True
        assert np.array_equal(present, wanted), "absent outside the regions, present everywhere inside"


@pytest.mark.parametrize("strand", ["plus", "minus"])
def test_predictions_equal_score(demo, tmp_path, strand):
    """P at a base is the sigmoid of the logit that `score` gives for a window around it."""
    flank = 80
    track = values(demo / f"genome/predict.probability.{strand}.bw")
    bases = [100_000, 1_234_567, 2_823_817, 4_000_001, int(np.argmax(track))]
    with open(tmp_path / "windows.fa", "w") as out:
        for base in bases:
            window = sequence(CONTIG, base - flank, base + flank + 1, "+" if strand == "plus" else "-")
            out.write(f">{base}\n{window}\n")
    tismscan(
        "score", "--model", MODEL, "--sequences", tmp_path / "windows.fa", "--method", "predict", "--output-kind", "window",
        "--target", f"0:{flank}", "--output", tmp_path / "o.npz")
    logits = np.load(tmp_path / "o.npz")["prediction"][:, 0].astype(np.float64)
    assert np.allclose(1 / (1 + np.exp(-logits)), track[bases], rtol=2e-6, atol=0)


def test_starts_are_found(demo):
    """The top 1 % of TISM importance lies near annotated starts; called starts are annotated ones far above chance."""
    sites = table("tss_curated.bed", (1, 5))
    for strand, symbol in [("plus", "+"), ("minus", "-")]:
        importance = values(demo / f"genome/tism.weighted.importance.{strand}.bw")
        near = np.zeros(len(importance), dtype=bool)
        for position, own in sites:
            if own == symbol:
                first, end = (-45, 6) if symbol == "+" else (-5, 46)
                near[max(0, int(position) + first) : int(position) + end] = True
        part = slice(2_738_785, 3_667_115)
        top = importance[part] >= np.quantile(importance[part], 0.99)
        assert near[part][top].mean() >= 4 * near[part].mean()
    calls = np.loadtxt(demo / "genome/calls.probability.bed", dtype=str, comments="#", usecols=(1, 5))
    known = {(int(p), s) for p, s in sites}
    hits = sum(any((int(p) + d, s) in known for d in range(-5, 6)) for p, s in calls)
    assert len(calls) > 100 and hits / len(calls) > 0.4


def test_second_run_changes_nothing(demo):
    def state():
        return {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in demo.rglob("*.bw")}

    before = state()
    arguments = ["--model", MODEL, "--genome", GENOME, "--circular", "NC_000913.3", "--method", "ism",
                 "--reduce", "importance", "loss", "--regions", ROOT / "examples/ecoli/regions.bed", "--output", demo / "ism"]
    tismscan("scan", *arguments)
    assert state() == before
    refused = tismscan("scan", *arguments, "--strand", "+", expect=2)
    assert "strand" in refused.stderr
    assert state() == before


def test_record_and_session(demo):
    record = json.loads((demo / "genome/run.json").read_text())
    text = json.dumps(record)
    assert "482a2b04485ec8c4b5f4eaba2c2002da" in text, "the genome's MD5"
    assert str(2 * 4_641_652) in text, "every base of both strands is counted"
    session = xml.etree.ElementTree.parse(demo / "genome/igv_session.xml").getroot()
    for resource in session.iter("Resource"):
        assert (demo / "genome" / resource.get("path")).exists(), resource.get("path")
    assert (demo / "genome" / session.get("genome")).exists()


def test_bedgraph_in_bedtools(tmp_path):
    """bedGraph holds what bigWig holds; bedtools and tabix read it."""
    region = f"{CONTIG}:2,823,601-2,824,000"
    tismscan(
        "scan", "--model", MODEL, "--genome", GENOME, "--region", region, "--method", "tism", "--reduce", "alt",
        "--format", "bigwig,bedgraph", "--output", tmp_path)
    for base in "ACGT":
        name = f"tism.weighted.alt-{base}.minus"
        truth = values(tmp_path / f"{name}.bw")
        rows = subprocess.run(
            ["bedtools", "intersect", "-a", tmp_path / f"{name}.bedGraph.gz", "-b", "-"], check=True, text=True,
            input=f"{CONTIG}\t2823600\t2824000\n", capture_output=True).stdout.split("\n")
        found = np.full(len(truth), np.nan, dtype=np.float32)
        for row in filter(None, rows):
            _, start, end, value = row.split("\t")
            found[int(start) : int(end)] = np.float32(value)
        assert np.array_equal(found, truth, equal_nan=True)
        reference = sequence(CONTIG, 2_823_600, 2_824_000)
        absent = np.isnan(truth[2_823_600:2_824_000])
        assert [b == base for b in reference] == absent.tolist(), "absent exactly where the alternate is the reference"
        tabix = subprocess.run(
            ["tabix", tmp_path / f"{name}.bedGraph.gz", region.replace(",", "")], check=True, text=True,
            capture_output=True)
        assert tabix.stdout.strip()
