"""Strand coordinates, the split, labels and windows."""

import numpy as np
import torch

from tss_models.dataset import TEST, VALIDATION, Part, Windows, label, parts, tiles
from tss_models.genome import Genome, encode, reverse_complement, to_strand
from tss_models.sites import Site
from tss_models.predict import rows

GENOME_LENGTH = 4_641_652


def toy(length: int = 5000) -> Genome:
    forward = np.random.default_rng(1).integers(0, 4, length).astype(np.uint8)
    return Genome("toy", np.stack([forward, reverse_complement(forward)]))


def test_strand_positions_are_an_involution_and_read_the_complement():
    genome = toy()
    for position in (0, 1, 77, genome.length - 1):
        strand_position = to_strand(position, 1, genome.length)
        assert to_strand(strand_position, 1, genome.length) == position
        assert genome.codes[1, strand_position] == 3 - genome.codes[0, position]


def test_unknown_bases_stay_unknown_on_both_strands():
    codes = encode("acgtNA")
    assert codes.tolist() == [0, 1, 2, 3, 4, 0]
    assert reverse_complement(codes).tolist() == [3, 4, 0, 1, 2, 3]


def test_windows_run_over_the_origin():
    genome = toy(10)
    expected = np.concatenate([genome.codes[0, 8:], genome.codes[0, :4]])
    assert np.array_equal(genome.window(0, 8, 6), expected)
    assert np.array_equal(genome.window(0, -2, 6), expected)


def test_parts_are_the_published_split_and_cover_the_circle_once():
    whole = parts(GENOME_LENGTH, 0)
    assert sum(p.length for p in whole.values()) == GENOME_LENGTH
    for name, first, last in (
        ("test", TEST[0], TEST[1] - 1), ("validation", VALIDATION[0], VALIDATION[1] - 1),
        ("train", VALIDATION[1], TEST[0] - 1), ("train", 0, GENOME_LENGTH - 1),
    ):
        holders = [{n for n, p in whole.items() if p.contains(x, GENOME_LENGTH)} for x in (first, last)]
        assert holders == [{name}, {name}]


def test_no_base_is_read_by_two_parts():
    reach = 72
    pieces = parts(GENOME_LENGTH, reach)
    read = {n: set(range(p.start - reach, p.start + p.length + reach)) for n, p in pieces.items() if n != "train"}
    assert not read["test"] & read["validation"]
    train = pieces["train"]
    last = (train.start + train.length - 1 + reach) % GENOME_LENGTH
    assert (train.start - reach, last) == (VALIDATION[1], TEST[0] - 1)


def test_labels_ignore_the_neighbours_but_not_the_site():
    labels = label(100, [Site("c", 20, 0, ("a", "b")), Site("c", 20, 1, ("a", "b")), Site("c", 23, 0, ("a", "b"))])
    assert np.flatnonzero(labels.positive[0]).tolist() == [20, 23]
    assert np.flatnonzero(labels.positive[1]).tolist() == [79]
    ignored = [p for p in range(15, 29) if p not in (20, 23)]
    assert np.flatnonzero(~labels.counted[0]).tolist() == ignored


def test_windows_carry_the_bases_and_labels_of_their_place():
    genome = toy()
    sites = [Site("toy", p, s, ("a", "b")) for p, s in ((40, 0), (900, 1), (4300, 0), (4700, 1))]
    labels = label(genome.length, sites)
    part, reach, length = Part(4000, 2500).shrunk(10), 10, 64
    windows = Windows(genome, labels, part, length, reach, 0.5, seed=2)
    inputs, places, weights = windows.draw(200)
    assert inputs.shape == (200, 4, length + 2 * reach) and places.shape == (200, length, 2)
    strand, position = places[..., 0].numpy(), places[..., 1].numpy()
    centre = inputs[:, :, reach : reach + length].argmax(1).numpy()
    assert np.array_equal(centre, genome.codes[strand, position])
    forward = np.where(strand == 0, position, genome.length - 1 - position)
    assert ((forward - part.start) % genome.length < part.length).all()
    assert torch.isfinite(weights).all() and (weights > 0).all()


def test_importance_weights_restore_the_uniform_average():
    genome = toy()
    labels = label(genome.length, [Site("toy", p, p % 2, ("a", "b")) for p in range(1000, 2000, 97)])
    windows = Windows(genome, labels, Part(500, 2000), 64, 5, 0.5, seed=3)
    _, places, weights = windows.draw(40_000)
    positive = labels.positive[places[..., 0].numpy(), places[..., 1].numpy()].sum(1)
    estimate = float((weights.numpy() * positive).mean())
    assert abs(estimate / windows.hits.mean() - 1) < 0.05


def test_tiles_put_a_part_together_again():
    genome, part = toy(), Part(4900, 300)
    expected = rows(genome.codes, part)
    for strand in (0, 1):
        got = np.concatenate([codes[7:-7] for _, codes in tiles(genome, part, strand, 128, 7)])
        assert np.array_equal(got, expected[strand])
    assert np.array_equal(expected[1], reverse_complement(expected[0]))
