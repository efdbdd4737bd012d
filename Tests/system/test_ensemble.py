"""An ensemble of three real networks against the runs of each alone, read by pyBigWig."""

import numpy
import onnx
import pyBigWig
import pytest
from conftest import GENOME, MODEL, tismscan
from onnx import numpy_helper

REGION = "NC_000913.3:3,400,001-3,403,000"
OPTIONS = ["--genome", GENOME, "--region", REGION, "--method", "predict", "tism", "ism", "--reduce", "importance", "alt",
           "strongest", "--calls", "0.2"]


@pytest.fixture(scope="module")
def folds(tmp_path_factory):
    """The embedded network and two with weights that differ by a few per cent."""
    folder = tmp_path_factory.mktemp("folds")
    paths = []
    for fold in range(3):
        generator = numpy.random.default_rng(fold)
        model = onnx.load(MODEL)
        for tensor in model.graph.initializer:
            values = numpy_helper.to_array(tensor)
            if fold and values.dtype == numpy.float32:
                changed = values * (1 + 0.05 * generator.standard_normal(values.shape))
                tensor.CopyFrom(numpy_helper.from_array(changed.astype(numpy.float32), tensor.name))
        paths.append(folder / f"fold{fold}.onnx")
        onnx.save(model, paths[-1])
    return paths


def named(paths):
    return [argument for path in paths for argument in ("--model", path)]


def values(run, stem):
    with pyBigWig.open(str(run / f"{stem}.bw")) as track:
        return track.values("NC_000913.3", 3_400_000, 3_403_000, numpy=True)


def test_mean_and_spread(folds, tmp_path):
    run = tmp_path / "ensemble"
    planned = tismscan("plan", *named(folds), *OPTIONS, "--shards", 5, "--audit", 0, "--output", run)
    assert "shards        5" in planned.stdout
    # The networks moved to another folder, in their order.
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in folds:
        (moved / path.name).write_bytes(path.read_bytes())
    tismscan("scan", "--run", run, "--shard", "2-4", *named(moved / path.name for path in folds))
    # In another order they are other models, whatever they are called.
    for number, path in enumerate(reversed(folds)):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}/fold{number}.onnx").write_bytes(path.read_bytes())
    other = tismscan("scan", "--run", run, *named(tmp_path / f"{n}/fold{n}.onnx" for n in range(3)), expect=3)
    assert "planned with another network" in other.stderr and "in their order" in other.stderr
    tismscan("scan", "--run", run)
    tismscan("merge", run)
    for number, path in enumerate(folds):
        tismscan("scan", "--model", path, *OPTIONS, "--audit", 0, "--output", tmp_path / f"alone{number}")

    stems = sorted(path.name[:-3] for path in (tmp_path / "alone0").glob("*.bw"))
    assert len(stems) == 2 * (1 + 2 * (1 + 4 + 1))
    for stem in stems:
        alone = numpy.stack([values(tmp_path / f"alone{number}", stem) for number in range(3)]).astype(numpy.float64)
        name, strand = stem.rsplit(".", 1)
        numpy.testing.assert_allclose(
            values(run, f"{name}.spread.{strand}"), numpy.std(alone, axis=0, ddof=1), rtol=1e-6, atol=1e-9, err_msg=stem)
        if "strongest" not in stem:
            numpy.testing.assert_allclose(
                values(run, stem), numpy.mean(alone, axis=0), rtol=1e-5, atol=2e-6, err_msg=stem)
    assert numpy.nanmean(values(run, "ism.weighted.importance.spread.plus")) > 0
    # In one go the same bytes.
    whole = tmp_path / "whole"
    tismscan("scan", *named(folds), *OPTIONS, "--audit", 0, "--output", whole)
    for path in [*run.glob("*.bw"), *run.glob("calls.*"), run / "run.json"]:
        assert path.read_bytes() == (whole / path.name).read_bytes(), path.name


def test_refusals(folds, tmp_path):
    twice = tismscan("scan", *named([folds[0], folds[1], folds[0]]), "--genome", GENOME, "--output", tmp_path / "run",
                     expect=2)
    assert "the same network" in twice.stderr
    one = tismscan("score", *named(folds), "--sequences", "-", "--output", tmp_path / "s.npz", expect=2)
    assert "score takes one network" in one.stderr
    sites = tmp_path / "sites.bed"
    sites.write_text("NC_000913.3\t3400100\t3400101\ts\t0\t+\n")
    alone = tismscan("scan", *named(folds), "--genome", GENOME, "--sites", sites, "--output", tmp_path / "run", expect=2)
    assert "--sites" in alone.stderr
    assert not (tmp_path / "run").exists()
