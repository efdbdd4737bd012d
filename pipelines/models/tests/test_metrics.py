"""Calls, matching, and the ranked scores against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from tss_models.calibrate import Calibration, calibrate
from tss_models.calls import call_peaks, match_calls
from tss_models.evaluate import Track, call_sites, enter, ranked_statistics, statistics, thin
from tss_models.metrics import average_precision, expected_calibration_error, recall_at_precision
from tss_models.network import Architecture, TssNetwork


@pytest.mark.parametrize("ties", [False, True])
def test_average_precision_equals_scikit_learn(ties):
    random = np.random.default_rng(5)
    for _ in range(20):
        scores = random.normal(size=300)
        scores = scores.round(1) if ties else scores
        hits = random.random(300) < 0.1
        weights = random.integers(0, 4, 300)
        assert average_precision(scores, hits) == pytest.approx(average_precision_score(hits, scores), abs=1e-12)
        assert average_precision(scores, hits, weights) == pytest.approx(
            average_precision_score(hits, scores, sample_weight=weights), abs=1e-12)


def test_missed_sites_lower_the_average_precision_of_calls():
    scores, hits = np.array([3.0, 2.0, 1.0]), np.array([True, False, True])
    assert average_precision(scores, hits) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(scores, hits, total=4) == pytest.approx((1 + 2 / 3) / 4)


def test_recall_at_precision():
    scores, hits = np.array([4.0, 3.0, 2.0, 1.0]), np.array([True, False, True, False])
    assert recall_at_precision(scores, hits, 0.5) == 1.0
    assert recall_at_precision(scores, hits, 0.9) == 0.5
    assert recall_at_precision(-scores, hits, 0.6) == 0.0


def test_calls_are_local_maxima_apart():
    scores = np.zeros(60)
    scores[[10, 18, 30, 45]] = [5.0, 4.0, 3.0, 2.0]
    assert call_peaks(scores)[:3].tolist() == [10, 30, 45]
    assert call_peaks(scores, radius=7)[:4].tolist() == [10, 18, 30, 45]
    peaks = np.sort(call_peaks(np.random.default_rng(6).normal(size=5000)))
    assert np.diff(peaks).min() > 10


def test_plateaus_are_called_once_at_their_upstream_end():
    scores = np.zeros(30)
    scores[10:13] = 1.0
    assert call_peaks(scores)[0] == 10


def test_matching_is_one_to_one_and_best_call_first():
    assert match_calls(np.array([10, 14]), np.array([12])).tolist() == [0, -1]
    assert match_calls(np.array([12, 20]), np.array([15, 11])).tolist() == [1, 0]
    assert match_calls(np.array([10]), np.array([12, 8])).tolist() == [1]  # upstream on a tie
    assert match_calls(np.array([10]), np.array([16])).tolist() == [-1]
    random = np.random.default_rng(7)
    for _ in range(50):
        peaks, sites = random.permutation(200)[:40], random.permutation(200)[:40]
        matched = match_calls(peaks, sites)
        used = matched[matched >= 0]
        assert len(set(used.tolist())) == used.size
        assert (np.abs(peaks[matched >= 0] - sites[used]) <= 5).all()


def track(seed: int) -> Track:
    random = np.random.default_rng(seed)
    positive = random.random((2, 35_000)) < 0.001
    scores = random.normal(size=positive.shape).astype(np.float32) + 3 * positive
    return Track(scores, positive, np.ones_like(positive))


def test_a_perfect_track_scores_one_and_minus_strand_blocks_are_forward_blocks():
    base = track(8)
    assert base.blocks()[1, 0] == 3 and base.blocks()[0, 0] == 0
    sparse = np.zeros((2, 35_000), dtype=bool)
    sparse[:, 100::50] = True
    noise = np.random.default_rng(9).random(sparse.shape)
    perfect = Track((noise + 10 * sparse).astype(np.float32), sparse, np.ones_like(sparse))
    values = statistics(perfect, call_sites(perfect))
    assert values == {key: 1.0 for key in values}


def test_the_bootstrap_statistics_equal_the_plain_ones():
    base = track(10)
    calls, weights = call_sites(base), np.array([2.0, 0.0, 1.0, 1.0])
    for w in (np.ones(4), weights):
        assert ranked_statistics(thin(base), calls, w) == pytest.approx(statistics(base, calls, w), abs=1e-9)


def test_calibration_undoes_a_stretch_and_a_shift():
    random = np.random.default_rng(11)
    logits = random.normal(-4, 2, 400_000)
    positive = random.random(logits.size) < 1 / (1 + np.exp(-logits))
    found = calibrate((logits - 0.7) * 2.5, positive)
    assert found.temperature == pytest.approx(2.5, rel=0.03)
    assert found.shift == pytest.approx(0.7, abs=0.08)


def test_a_folded_calibration_maps_the_logits():
    network, x = TssNetwork(Architecture(channels=8)).eval(), torch.rand(1, 4, 50)
    before = network(x)
    Calibration(1.5, -0.25).fold(network)
    torch.testing.assert_close(network(x), before / 1.5 - 0.25)


def test_calibration_error_of_honest_and_of_wrong_probabilities():
    random = np.random.default_rng(12)
    p = random.random(100_000)
    hits = random.random(p.size) < p
    edges = np.linspace(0, 1, 11)
    assert expected_calibration_error(p, hits, edges)[0] < 0.01
    assert expected_calibration_error(np.clip(p + 0.2, 0, 1), hits, edges)[0] > 0.1


def test_the_register_keeps_every_reading_of_the_test_part(tmp_path):
    def result(*seeds: int) -> dict:
        members = [{"settings": {"seed": s}, "validation": {"step": 500}, "digest": f"{s:x}"} for s in seeds]
        scores = {"base_average_precision": {"value": 0.1 * len(seeds), "interval": [0.0, 1.0]}, "calls": 7}
        return {"training": {"members": members}, "model": {**scores, "offsets": {"all": {"share_within_2": 0.9}}}}

    register = tmp_path / "readings.jsonl"
    assert enter(result(1), register) == []
    earlier = enter(result(1, 2), register)
    assert [[m["seed"] for m in line["members"]] for line in earlier] == [[1]]
    assert enter(result(1, 2), register) == earlier  # the same weights again: no new reading
    assert enter(result(1), register) == []
    assert len(register.read_text().splitlines()) == 2
