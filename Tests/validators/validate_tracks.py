"""Reads tracks and arrays that the Swift writers made by the readers that people use: pyBigWig, pybigtools, pybbi (UCSC's
own code), NumPy, gzip.

    TISMSCAN_SAMPLES=DIR swift test --filter SampleTests && python Tests/validators/validate_tracks.py DIR

Every NAME.npz in DIR holds, per contig, the float32 values (NaN: none) that NAME.bw and NAME.bedGraph.gz must hold; every
NAME.bed the rows of NAME.bb.
"""

import glob
import gzip
import os
import sys

import bbi
import numpy as np
import pyBigWig
import pybigtools


def same(found, truth, what):
    """Equal bits, where every NaN is alike and -0 is 0."""
    found = np.asarray(found, dtype=np.float32)
    if not found.size:  # pyBigWig's way to say that a contig has no value at all
        found = np.full(truth.shape, np.nan, dtype=np.float32)
    truth = truth + np.float32(0)
    assert found.shape == truth.shape, f"{what}: {found.shape} values, not {truth.shape}"
    wrong = ~((found == truth) | (np.isnan(found) & np.isnan(truth)))
    assert not wrong.any(), f"{what}: {wrong.sum()} wrong values, the first at {wrong.argmax()}"


def check_bigwig(path, truth):
    lengths = {name: len(values) for name, values in truth.items()}
    bigwig = pyBigWig.open(path)
    assert bigwig.isBigWig() and dict(bigwig.chroms()) == lengths, path
    other = pybigtools.open(path)
    assert dict(other.chroms()) == lengths, path
    ucsc = bbi.open(path)
    assert ucsc.is_bigwig and dict(ucsc.chromsizes) == lengths, path
    for name, values in truth.items():
        if not len(values):
            continue
        same(bigwig.values(name, 0, len(values), numpy=True), values, f"{path} {name} pyBigWig")
        same(other.values(name, fillna=np.nan), values, f"{path} {name} pybigtools")
        same(ucsc.fetch(name, 0, len(values), missing=np.nan), values, f"{path} {name} pybbi")
    present = np.concatenate(list(truth.values()))
    present = present[~np.isnan(present)].astype(np.float64)
    check_summary(bigwig.header(), ucsc, present, path)
    if len(present) > 3_000_000:
        assert bigwig.header()["nLevels"] >= 6, path
        for name, values in truth.items():
            check_zooms(bigwig, other, ucsc, name, values.astype(np.float64), f"{path} {name}")


def check_summary(header, ucsc, present, what):
    """The total summary against the values. pyBigWig's header shows whole numbers."""
    assert header["nBasesCovered"] == len(present), what
    if not len(present):
        return  # pybbi divides by the number of bases
    ucsc = ucsc.info["summary"]
    assert ucsc["basesCovered"] == len(present), what
    for key, found in (("min", present.min()), ("max", present.max()), ("sum", present.sum())):
        assert np.isclose(ucsc[key], found, rtol=1e-9, atol=1e-9 * np.abs(present).sum()), f"{what} {key}: {ucsc}, {found}"
    deviation = present.std(ddof=1) if len(present) > 1 else 0
    assert np.isclose(ucsc["std"], deviation, rtol=1e-6), f"{what}: {ucsc}, {deviation}"


def check_zooms(bigwig, other, ucsc, name, values, what):
    """Bins that zoom levels answer, whose edges are those of the levels' cells: nothing is lost there."""
    count, bins = 1 << 19, 8
    parts = values[:count].reshape(bins, -1)
    truths = {"mean": parts.mean(axis=1), "min": parts.min(axis=1), "max": parts.max(axis=1)}
    for kind, truth in truths.items():
        # Records hold float32 sums.
        tolerance = 1e-6 * np.abs(values).max()
        found = {
            "pyBigWig": np.array(bigwig.stats(name, 0, count, type=kind, nBins=bins), dtype=np.float64),
            "pybigtools": other.values(name, 0, count, bins=bins, summary=kind, exact=False, fillna=np.nan),
            "pybbi": ucsc.fetch(name, 0, count, bins=bins, summary=kind, missing=np.nan),
        }
        for reader, answer in found.items():
            assert np.abs(answer - truth).max() <= tolerance, f"{what} {reader} {kind}: {answer}, not {truth}"
    deviations = parts.std(axis=1, ddof=1)
    for reader, answer in (
        ("pyBigWig", np.array(bigwig.stats(name, 0, count, type="std", nBins=bins))),
        ("pybbi", ucsc.fetch(name, 0, count, bins=bins, summary="std", missing=np.nan)),
    ):
        assert np.allclose(answer, deviations, rtol=1e-4), f"{what} {reader} std: {answer}, not {deviations}"
    # Elsewhere readers give a bin's edges their share of the cells they cut: here bins of 300,000 bases, cells of 131,072.
    if len(values) == 3_000_000:
        cells = np.arange(len(values)) // 131_072
        shared = (np.bincount(cells, values) / np.bincount(cells))[cells].reshape(10, -1).mean(axis=1)
        for answer in (np.array(bigwig.stats(name, nBins=10)), ucsc.fetch(name, 0, len(values), bins=10)):
            assert np.abs(answer - shared).max() < 1e-6, f"{what}: {answer}, not {shared}"


def check_bigbed(path, bed):
    with open(bed) as lines:
        rows = [line.rstrip("\n").split("\t", 3) for line in lines]
    bigbed, other, ucsc = pyBigWig.open(path), pybigtools.open(path), bbi.open(path)
    assert bigbed.isBigBed() and ucsc.is_bigbed, path
    assert bigbed.SQL().decode() == other.sql() and list(ucsc.schema["columns"])[6:] == ["logit", "gene"], bigbed.SQL()
    assert len(other.sql(parse=True)["fields"]) == 8, other.sql(parse=True)
    lengths = dict(bigbed.chroms())
    assert lengths == dict(other.chroms()) == dict(ucsc.chromsizes), path
    depths = []
    for name, length in lengths.items():
        truth = [(int(start), int(end), rest) for chrom, start, end, rest in rows if chrom == name]
        assert (bigbed.entries(name, 0, length) or []) == truth, f"{path} {name} pyBigWig"
        assert [(r[0], r[1], "\t".join(r[2:])) for r in other.records(name)] == truth, f"{path} {name} pybigtools"
        table = ucsc.fetch_intervals(name, 0, length, iterator=True)
        found = [(int(r[1]), int(r[2]), "\t".join(map(str, r[3:]))) for r in table]
        assert found == truth, f"{path} {name} pybbi"
        depth = np.zeros(length)
        for start, end, _ in truth:
            depth[start:end] += 1
        depths.append(depth)
        if length >= 1 << 18 and len(truth) > 1000:
            parts = depth[: 1 << 18].reshape(4, -1)
            assert not bigbed.header()["nLevels"] == 0, path
            answer = ucsc.fetch(name, 0, 1 << 18, bins=4, summary="sum", missing=0)
            assert np.allclose(answer, parts.sum(axis=1), rtol=1e-6), f"{path} {name}: {answer}, {parts.sum(axis=1)}"
    depth = np.concatenate(depths)
    check_summary(bigbed.header(), ucsc, depth[depth > 0], path)


def check_bedgraph(path, truth):
    found = {name: np.full(len(values), np.nan, dtype=np.float32) for name, values in truth.items()}
    with gzip.open(path, "rt") as lines:
        for line in lines:
            name, start, end, value = line.rstrip("\n").split("\t")
            found[name][int(start) : int(end)] = np.float32(value)
    for name, values in truth.items():
        same(found[name], values, f"{path} {name}")


def check_types(path):
    with np.load(path, allow_pickle=False) as arrays:
        kinds = {name: arrays[name].dtype.str for name in arrays.files}
        assert kinds == {
            "float32": "<f4", "float64": "<f8", "uint8": "|u1", "int64": "<i8", "texts": "|S4", "scalar": "<f8",
            "empty": "<f4",
        }, kinds  # fmt: skip
        assert arrays["texts"].tolist() == [b"chr1", b"", b"a"]
        assert arrays["int64"].tolist() == [-(2**63), 7] and arrays["uint8"].tolist() == [[4], [255]]
        assert arrays["scalar"] == 7 and arrays["empty"].shape == (0, 4)


def main(folder):
    checked = 0
    for path in sorted(glob.glob(os.path.join(folder, "*.npz"))):
        base = path[: -len(".npz")]
        if os.path.basename(base) == "types":
            check_types(path)
            continue
        with np.load(path, allow_pickle=False) as arrays:
            truth = {name: arrays[name] for name in arrays.files}
        check_bigwig(base + ".bw", truth)
        if os.path.exists(base + ".bedGraph.gz"):
            check_bedgraph(base + ".bedGraph.gz", truth)
        checked += 1
    for path in sorted(glob.glob(os.path.join(folder, "*.bed"))):
        check_bigbed(path[: -len(".bed")] + ".bb", path)
        checked += 1
    assert checked, f"no samples in {folder}"
    print(f"{checked} tracks read back equal")


if __name__ == "__main__":
    main(sys.argv[1])
