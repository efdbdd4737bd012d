"""The exported graph, the shipped files, and the auxiliary tracks."""

import gzip
import json
from pathlib import Path

import onnx
import pytest

from tss_models.auxiliary import SET_NAMES, read_auxiliary
from tss_models.card import render
from tss_models.consensus import SET_OF_FILE, SPAN
from tss_models.export import METADATA, TOLERANCE, largest_difference, write
from tss_models.genome import Genome, encode, read_genome, reverse_complement
from tss_models.network import Architecture
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
    assert {n.op_type for n in model.graph.node} <= {"Conv", "Relu", "Add", "BatchNormalization", "Squeeze", "Constant"}


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
    assert result["architecture"]["multiply_adds_per_base"] == Architecture().multiply_adds


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
