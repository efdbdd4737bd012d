"""Reads tracks and arrays that the Swift writers made by the readers that people use: pyBigWig, pybigtools, NumPy, gzip.

    TISMSCAN_SAMPLES=DIR swift test --filter SampleTests && python Tests/validators/validate_tracks.py DIR

Every NAME.npz in DIR holds, per contig, the float32 values (NaN: none) that NAME.bw and NAME.bedGraph.gz must hold.
"""

import glob
import gzip
import os
import sys

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
    for name, values in truth.items():
        if not len(values):
            continue
        same(bigwig.values(name, 0, len(values), numpy=True), values, f"{path} {name} pyBigWig")
        same(other.values(name, fillna=np.nan), values, f"{path} {name} pybigtools")
    present = np.concatenate(list(truth.values()))
    present = present[~np.isnan(present)].astype(np.float64)
    assert bigwig.header()["nBasesCovered"] == len(present), path
    if len(present) > 3_000_000:
        check_zooms(bigwig, other, truth, path)


def check_zooms(bigwig, other, truth, path):
    """Means over bins that zoom levels answer, against the values."""
    assert bigwig.header()["nLevels"] >= 3, path
    for name, values in truth.items():
        # Zoom records do not end where bins do: the edges of a bin may miss some bases.
        means = np.array(values, dtype=np.float64).reshape(10, -1).mean(axis=1)
        stats = bigwig.stats(name, 0, len(values), nBins=10)
        assert None not in stats, f"{path} {name}: pyBigWig answers {stats}"
        assert np.abs(np.array(stats) - means).max() < 1e-3, f"{path} {name}: {stats} and {means}"
        binned = other.values(name, bins=10, summary="mean", exact=False, fillna=np.nan)
        assert np.abs(binned - means).max() < 1e-3, f"{path} {name}: {binned} and {means}"


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
    assert checked, f"no samples in {folder}"
    print(f"{checked} tracks read back equal")


if __name__ == "__main__":
    main(sys.argv[1])
