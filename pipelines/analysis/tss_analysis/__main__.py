"""Runs tismscan on annotated sites and regions, and writes figures and `analysis.json`.

    python -m tss_analysis --tismscan .build/release/tismscan --demo demo --output docs/figures
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pyBigWig

from . import figures, measures
from .windows import TEST_PART, Site, read_sites, write_windows

FLANK = 80
"""Bases on each side of a site: a little more than the model reads (72), so that the site has the logit it has in the genome."""
OFFSETS = range(-60, 21)
CONFIDENT = 0.1
"""Sites that the model gives at least this probability are looked at one by one."""
SHOWN = {"recA": Site("NC_000913.3", 2_823_818, "-", "recA")}


def score(arguments: argparse.Namespace, fasta: Path, method: str) -> dict[str, np.ndarray]:
    """Scores the logit of the middle base of every window."""
    output = fasta.with_suffix(f".{method}.npz")
    subprocess.run(
        [arguments.tismscan, "score", "--model", arguments.model, "--sequences", fasta, "--method", method,
         "--output-kind", "window", "--target", f"0:{FLANK}", "--threads", str(arguments.threads), "--output", output],
        check=True)
    with np.load(output) as arrays:
        return {name: arrays[name] for name in arrays.files}


def nearest_site(sites: list[Site], wanted: Site) -> Site:
    """The annotated site nearest to a locus on the same strand."""
    return min((s for s in sites if s.strand == wanted.strand), key=lambda s: abs(s.position - wanted.position))


def site_logits(arguments: argparse.Namespace, folder: Path, result: dict) -> None:
    """Average profile, single loci and agreement of the site logit over the test part's annotated sites."""
    sites = read_sites(arguments.sites, TEST_PART)
    sites = write_windows(arguments.genome, sites, FLANK, folder / "sites.fa")
    tism = score(arguments, folder / "sites.fa", "tism")
    ism = score(arguments, folder / "sites.fa", "ism")
    codes, logits = tism["sequences"], tism["prediction"][:, 0]
    values = measures.importance(tism["tism"][:, 0])

    profile = measures.mean_profile(values, FLANK, OFFSETS)
    heights = np.zeros((len(OFFSETS), 4))
    for row, offset in enumerate(OFFSETS):
        for base in range(4):
            heights[row, base] = np.where(codes[:, FLANK + offset] == base, values[:, FLANK + offset], 0).mean()
    figures.average_profile(profile, heights, OFFSETS, len(sites), arguments.output / "tss_profile.png")
    by_offset = dict(zip(OFFSETS, profile))
    result["profile"] = {
        "sites": len(sites),
        "mean_importance": {str(o): round(float(v), 5) for o, v in by_offset.items()},
        "strongest_offsets_minus10": sorted(range(-16, -4), key=lambda o: -by_offset[o])[:3],
        "strongest_offsets_minus35": sorted(range(-40, -28), key=lambda o: -by_offset[o])[:3],
    }
    confident = 1 / (1 + np.exp(-logits.astype(np.float64))) > CONFIDENT
    starts = measures.best_hexamer_starts(values[confident], FLANK)
    result["single_loci"] = {
        "confident_sites": int(confident.sum()),
        "share_with_best_hexamer_at_minus14_to_minus10": float(((starts >= -14) & (starts <= -10)).mean()),
    }
    pairs = measures.alternate_pairs(tism["tism"][:, 0], ism["ism"][:, 0], codes)
    result["agreement"]["site logit"] = measures.agreement(*pairs)
    result["pairs"]["site logit"] = pairs

    names = [site.name for site in sites]
    for name, wanted in SHOWN.items():
        site = nearest_site(sites, wanted)
        index = names.index(site.name)
        span = slice(FLANK + OFFSETS.start, FLANK + OFFSETS.stop)
        letters = "".join("ACGTN"[code] for code in codes[index, span])
        title = f"{name}: {site.contig}:{site.position + 1:,} ({site.strand} strand), P(TSS) = " + (
            f"{1 / (1 + np.exp(-float(logits[index]))):.2f}")
        figures.locus(
            title, letters, tism["tism"][index, 0][:, span], ism["ism"][index, 0][:, span], OFFSETS,
            arguments.output / f"{name}.png")
        result["loci"][name] = {"site": site.position, "strand": site.strand, "logit": float(logits[index])}


def weighted(arguments: argparse.Namespace, folder: Path, result: dict) -> None:
    """Agreement of the `weighted` target over the demo's regions, read back from tracks of every alternate."""
    output = folder / "regions"
    subprocess.run(
        [arguments.tismscan, "scan", "--model", arguments.model, "--genome", arguments.genome, "--regions",
         arguments.regions, "--method", "tism", "--method", "ism", "--reduce", "alt", "--threads",
         str(arguments.threads), "--output", output],
        check=True)
    columns: dict[str, list[np.ndarray]] = {"tism": [], "ism": []}
    for strand in ("plus", "minus"):
        for base in "ACGT":
            tracks = {m: pyBigWig.open(str(output / f"{m}.weighted.alt-{base}.{strand}.bw")) for m in columns}
            for contig, length in tracks["ism"].chroms().items():
                values = {m: track.values(contig, 0, length, numpy=True) for m, track in tracks.items()}
                scored = np.isfinite(values["ism"])
                for method in columns:
                    columns[method].append(values[method][scored].astype(np.float64))
    pairs = np.concatenate(columns["tism"]), np.concatenate(columns["ism"])
    result["agreement"]["weighted"] = measures.agreement(*pairs)
    result["pairs"]["weighted"] = pairs


def enrichments(arguments: argparse.Namespace, result: dict) -> None:
    """Where the top 1 % of the demo's importance tracks lie, over the test part."""
    sites = read_sites(arguments.sites)
    for strand, name in [("+", "plus"), ("-", "minus")]:
        with pyBigWig.open(str(arguments.demo / "genome" / f"tism.weighted.importance.{name}.bw")) as track:
            (contig, length), = track.chroms().items()
            values = track.values(contig, 0, length, numpy=True)
        result["enrichment"][name] = {
            "test part": measures.enrichment(values, sites, strand, TEST_PART),
            "whole genome": measures.enrichment(values, sites, strand, range(length)),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tismscan", type=Path, default=Path(".build/release/tismscan"))
    parser.add_argument("--model", type=Path, default=Path("models/ecoli-tss-cnn.onnx"))
    parser.add_argument("--genome", type=Path, default=Path("examples/ecoli/NC_000913.3.fa.gz"))
    parser.add_argument("--sites", type=Path, default=Path("examples/ecoli/tss_curated.bed"))
    parser.add_argument("--regions", type=Path, default=Path("examples/ecoli/regions.bed"))
    parser.add_argument("--demo", type=Path, default=Path("demo"), help="output of `make demo`")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    result: dict = {"agreement": {}, "pairs": {}, "loci": {}, "enrichment": {}}
    with tempfile.TemporaryDirectory() as folder:
        site_logits(arguments, Path(folder), result)
        weighted(arguments, Path(folder), result)
    enrichments(arguments, result)
    pairs = result.pop("pairs")
    figures.scatter(
        pairs, {t: result["agreement"][t]["pearson"] for t in pairs}, arguments.output / "tism_against_ism.png")
    (arguments.output / "analysis.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps({k: v for k, v in result.items() if k != "profile"}, indent=2))


if __name__ == "__main__":
    main()
