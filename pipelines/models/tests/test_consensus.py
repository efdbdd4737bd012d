"""Laws of the merge on hand-made sets."""

import numpy as np
import pytest

from tss_models.consensus import SPAN, Member, clusters, cut_chain, merge
from tss_models.sites import read_sites, write_sites

C, S, K = "Cappable-seq", "SMRT-Cappable-seq", "Cho-Kim"


def test_one_set_alone_gives_no_site():
    assert merge("c", 0, [Member(10, C, 3.0), Member(12, C, 1.0)]) == []


def test_two_sets_within_the_span_give_one_site():
    (site,) = merge("c", 0, [Member(10, C, 3.0), Member(15, S)])
    assert (site.position, site.sets, site.cappable_score, site.members) == (10, (C, S), 3.0, (10, 15))


def test_six_bases_apart_are_two_clusters():
    assert merge("c", 0, [Member(10, C, 3.0), Member(16, S)]) == []


def test_representative_by_sets_then_score_then_upstream():
    by_sets = [Member(10, C, 99.0), Member(12, S), Member(12, K)]
    by_score = [Member(10, C, 1.0), Member(12, C, 5.0), Member(14, S)]
    by_place = [Member(10, S), Member(12, K)]
    assert [merge("c", 0, m)[0].position for m in (by_sets, by_score, by_place)] == [12, 12, 10]
    assert [merge("c", 1, m)[0].position for m in (by_sets, by_score, by_place)] == [12, 12, 12]


@pytest.mark.parametrize("chain, expected", [
    ([0, 5], [[0, 5]]),
    ([0, 5, 10], [[0], [5, 10]]),
    ([0, 1, 5, 6], [[0, 1], [5, 6]]),
    ([0, 2, 4, 6, 8], [[0, 2], [4, 6, 8]]),
    (list(range(9)), [[0, 1, 2, 3], [4, 5, 6, 7, 8]]),
])
def test_chains_are_cut_at_the_widest_gap(chain, expected):
    assert cut_chain(chain) == expected


def test_clusters_partition_the_positions_and_never_span_more():
    random = np.random.default_rng(3)
    for _ in range(200):
        positions = set(random.integers(0, 120, 30).tolist())
        for strand in (0, 1):
            found = clusters(positions, strand)
            assert sorted(p for c in found for p in c) == sorted(positions)
            assert max(max(c) - min(c) for c in found) <= SPAN


def test_the_minus_strand_mirrors_the_plus_strand():
    random = np.random.default_rng(4)
    length = 400
    for _ in range(50):
        members = [
            Member(int(random.integers(0, length)), str(random.choice([C, S, K])), float(random.integers(0, 4)))
            for _ in range(120)]
        mirrored = [Member(length - 1 - m.position, m.set_name, m.cappable_score) for m in members]
        plus = [(s.position, s.sets) for s in merge("c", 0, members)]
        minus = [(length - 1 - s.position, s.sets) for s in merge("c", 1, mirrored)]
        assert plus == minus


def test_the_order_of_the_input_does_not_matter():
    members = [Member(3, C, 1.0), Member(5, S), Member(9, K), Member(11, C, 1.0), Member(14, S)]
    assert merge("c", 0, members) == merge("c", 0, members[::-1])


def test_sites_survive_a_file(tmp_path):
    sites = merge("c", 0, [Member(10, C, 3.25), Member(12, S)]) + merge("c", 1, [Member(30, C, 2.0), Member(31, K)])
    write_sites(tmp_path / "sites.bed", sites)
    assert read_sites(tmp_path / "sites.bed") == sites
