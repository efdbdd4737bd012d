"""The exported graph, the shipped files, and the auxiliary tracks."""

import gzip
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from tss_models.auxiliary import SET_NAMES, read_auxiliary
from tss_models.calibrate import Calibration
from tss_models.card import render
from tss_models.consensus import SET_OF_FILE, SPAN
from tss_models.export import METADATA, TOLERANCE, largest_difference, write
from tss_models.genome import Genome, encode, read_genome, reverse_complement
from tss_models.network import Architecture, Ensemble
from tss_models.sites import read_sites
from tss_models.train import EXAMPLES

from test_network import SMALL, network

MODELS = Path(__file__).resolve().parents[3] / "models"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_exported_graph_equals_pytorch_and_is_one_file(tmp_path):
    net = network(SMALL)
    write(net, tmp_path / "model.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
    assert largest_difference(net, tmp_path / "model.onnx") <= TOLERANCE
    model = onnx.load(tmp_path / "model.onnx")
    assert {p.key: p.value for p in model.metadata_props} == METADATA
    assert {n.op_type for n in model.graph.node} <= OPERATORS


OPERATORS = {"Conv", "Relu", "Add", "BatchNormalization", "Squeeze", "Constant"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_exported_ensemble_is_the_mean_of_its_members_logits(tmp_path, count):
    members = [network(SMALL, seed) for seed in range(1, count + 1)]
    before = [{k: v.clone() for k, v in m.state_dict().items()} for m in members]
    ensemble, found = Ensemble(members), Calibration(1.3, -0.4)
    found.fold(ensemble)
    write(ensemble, tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    assert {n.op_type for n in model.graph.node} <= OPERATORS
    assert sum(n.op_type == "Conv" for n in model.graph.node) == count * (2 + len(SMALL.dilations))
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    random = np.random.default_rng(3)
    for batch, length in ((1, 300), (2, 1000), (1, 4096)):
        x = np.eye(4, dtype=np.float32)[random.integers(0, 4, (batch, length))].transpose(0, 2, 1).copy()
        with torch.inference_mode():
            mean = np.mean([m(torch.from_numpy(x))[:, 0].numpy() for m in members], axis=0, dtype=np.float64)
        logits = session.run(["logit"], {"sequence": x})[0]
        assert np.abs(logits - (mean / found.temperature + found.shift)).max() <= 1e-5
    for member, state in zip(members, before, strict=True):  # averaging leaves the members as they were
        assert all(torch.equal(v, state[k]) for k, v in member.state_dict().items())


def test_the_shipped_model_has_the_operators_and_the_cost_that_its_card_states():
    model = onnx.load(MODELS / "ecoli-tss-cnn.onnx")
    result = json.loads((MODELS / "ecoli-tss-cnn.json").read_text())
    assert {n.op_type for n in model.graph.node} <= OPERATORS
    shapes = {t.name: tuple(t.dims) for t in model.graph.initializer}
    weights = [shapes[n.input[1]] for n in model.graph.node if n.op_type == "Conv"]
    assert sum(w[1] == 4 for w in weights) == result["architecture"]["towers"] == len(result["training"]["members"])
    assert sum(int(np.prod(w)) for w in weights) == result["architecture"]["multiply_adds_per_base"]
    assert (MODELS / "ecoli-tss-cnn.onnx").stat().st_size < 5_000_000


def test_the_shipped_model_runs_at_any_length():
    session = onnxruntime.InferenceSession(MODELS / "ecoli-tss-cnn.onnx", providers=["CPUExecutionProvider"])
    codes = read_genome(EXAMPLES / "NC_000913.3.fa.gz").codes[0, 2_800_000:2_804_096]
    whole = np.ascontiguousarray(np.eye(5, 4, dtype=np.float32)[codes].T[None])
    expected = session.run(None, {"sequence": whole})[0]
    assert expected.shape == (1, 4096) and np.isfinite(expected).all()
    reach = Architecture().reach
    for length in (300, 1000):
        logits = session.run(None, {"sequence": np.repeat(whole[:, :, :length], 2, axis=0)})[0]
        assert logits.shape == (2, length)
        assert np.abs(logits[:, : length - reach] - expected[:, : length - reach]).max() <= 1e-4


def test_the_shipped_model_says_what_tismscan_needs():
    model = onnx.load(MODELS / "ecoli-tss-cnn.onnx", load_external_data=False)
    assert {p.key: p.value for p in model.metadata_props} == METADATA
    assert not any(t.external_data for t in model.graph.initializer)
    for value, fixed in ((model.graph.input[0], {1: 4}), (model.graph.output[0], {})):
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            assert dim.dim_value == fixed[axis] if axis in fixed else dim.dim_param


def test_the_shipped_card_is_rendered_from_the_shipped_evaluation():
    result = json.loads((MODELS / "ecoli-tss-cnn.json").read_text())
    assert (MODELS / "ecoli-tss-cnn.md").read_text() == render(result)
    assert result["part"] == "test"
    assert result["architecture"]["multiply_adds_per_base"] == result["architecture"]["towers"] * Architecture().multiply_adds


def test_the_shipped_sites_keep_the_rules():
    sites = read_sites(EXAMPLES / "tss_curated.bed")
    genome = read_genome(EXAMPLES / "NC_000913.3.fa.gz")
    assert len({(s.strand, s.position) for s in sites}) == len(sites)
    for site in sites:
        assert site.chrom == genome.name and 0 <= site.position < genome.length
        assert len(site.sets) >= 2 and site.position in site.members
        assert max(site.members) - min(site.members) <= SPAN


def test_auxiliary_tracks_keep_single_set_sites(tmp_path):
    forward = encode("ACGT" * 25)
    genome = Genome("toy", forward[None].repeat(2, 0))
    genome.codes[1] = reverse_complement(forward)
    for name in SET_OF_FILE:
        line = "toy\t7\t8\tx\t0\t-\t20.5\t1\n" if SET_OF_FILE[name] == "Cappable-seq" else ""
        with gzip.open(tmp_path / name, "wt") as stream:
            stream.write("#header\n" + line)
    tracks = read_auxiliary(tmp_path, genome)
    expected = [SET_NAMES.index("Cappable-seq"), len(SET_NAMES), len(SET_NAMES) + 1]
    assert [(t, s, n) for t, s, n in zip(*tracks.nonzero(), strict=True)] == [(t, 1, 92) for t in expected]
