"""Renders the model card from the evaluation's JSON: no figure in it is typed by hand.

    python -m tss_models.card EVALUATION.json CARD.md
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

ROWS = {
    "base_average_precision": "average precision at the exact base",
    "calls_average_precision": "average precision of the calls",
    "calls_recall_at_precision_0.5": "recall of the calls at precision 0.5",
}


def figure(entry: dict | None) -> str:
    """A value with its interval."""
    if entry is None:
        return "-"
    if entry["interval"] is None:
        return f"{entry['value']:.3f}"
    return f"{entry['value']:.3f} ({entry['interval'][0]:.3f}-{entry['interval'][1]:.3f})"


def metrics_table(result: dict) -> str:
    """Model beside baseline and prevalence."""
    lines = ["| | model | -35/-10 scan | ratio |", "|---|---|---|---|"]
    for key, title in ROWS.items():
        cells = (figure(result[name].get(key)) for name in ("model", "baseline", "ratio"))
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    for title, group, key in (
        ("matched calls within 2 bases, all", "all", "share_within_2"),
        ("matched calls within 2 bases, calls at precision 0.5 or better", "at_precision_0.5", "share_within_2"),
        ("matched calls at the exact base, all", "all", "share_exact"),
    ):
        values = [result[name]["offsets"][group][key] for name in ("model", "baseline")]
        lines.append(f"| {title} | " + " | ".join("-" if v is None else f"{v:.3f}" for v in values) + " | |")
    values = [result[name]["roc_auc"] for name in ("model", "baseline")]
    lines.append("| ROC AUC (says little at this prevalence) | " + " | ".join(f"{v:.4f}" for v in values) + " | |")
    return "\n".join(lines)


def reliability_table(rows: list[dict]) -> str:
    """Predicted beside observed."""
    lines = ["| probability | bases | mean predicted | observed |", "|---|---:|---:|---:|"]
    for row in rows:
        lines.append(
            f"| {row['from']:g}-{row['to']:g} | {row['bases']:,} | {row['predicted']:.5f} | {row['observed']:.5f} |")
    return "\n".join(lines)


def offsets_table(result: dict) -> str:
    """Offsets of the matched calls, model and baseline."""
    model, baseline = (result[name]["offsets"]["all"]["histogram"] for name in ("model", "baseline"))
    return "\n".join([
        "| offset (call minus site) | " + " | ".join(model) + " |", "|---|" + "---:|" * len(model),
        "| model | " + " | ".join(map(str, model.values())) + " |",
        "| scan | " + " | ".join(map(str, baseline.values())) + " |"])


def towers_table(result: dict) -> str:
    """Validation scores beside the cost, by the number of towers whose logits are averaged."""
    one = result["architecture"]["multiply_adds_per_base"] // result["architecture"]["towers"]
    lines = ["| towers | exact base | calls | log loss | multiply-adds a base |", "|---:|---:|---:|---:|---:|"]
    for row in result["training"]["towers"]:
        lines.append(
            f"| {row['towers']} | {row['base_average_precision']:.3f} | {row['calls_average_precision']:.3f} | "
            f"{row['log_loss']:.6f} | {one * row['towers']:,} |")
    return "\n".join(lines)


def members_table(members: list[dict]) -> str:
    """Each tower's kept checkpoint."""
    lines = ["| seed | step | minutes to it | exact base, validation | calls, validation |", "|---:|---:|---:|---:|---:|"]
    for member in members:
        v = member["validation"]
        lines.append(
            f"| {member['settings']['seed']} | {v['step']:,} | {v['minutes']:.0f} | {v['base_average_precision']:.3f} | "
            f"{v['calls_average_precision']:.3f} |")
    return "\n".join(lines)


def readings_text(result: dict) -> str:
    """How often the test part was read before, and what was seen."""
    earlier = result.get("earlier_test_readings")
    if earlier is None:
        return ""
    if not earlier:
        return "The test part was read once, for these figures, after everything had been chosen on the validation part."
    seen = "; ".join(
        f"{len(r['members'])} tower{'s' if len(r['members']) > 1 else ''} (seed{'s' if len(r['members']) > 1 else ''} "
        f"{', '.join(str(m['seed']) for m in r['members'])}): average precision {figure(r['base_average_precision'])} at the exact base and "
        f"{figure(r['calls_average_precision'])} of the calls, {r['share_within_2']:.3f} of the matched calls within 2 bases"
        for r in earlier)
    return (
        f"**This is reading {len(earlier) + 1} of the test part, not the first.** Read before: {seen}. That result was known when the number of "
        "towers was raised; which towers are averaged was chosen on the validation part alone.")


def per_tower(member: dict) -> dict:
    """Settings that all towers must share."""
    return {key: value for key, value in member["settings"].items() if key != "seed"}


def render(result: dict) -> str:
    """The card."""
    a, training, calibration = result["architecture"], result["training"], result["calibration"]
    members, count = training["members"], result["architecture"]["towers"]
    if any(per_tower(m) != per_tower(members[0]) for m in members):
        raise ValueError("the card describes towers that differ in their seed alone")
    s, sites, split, scan = per_tower(members[0]), result["sites"], result["split"], result["baseline_scan"]
    seeds = [m["settings"]["seed"] for m in members]
    checkpoints = [f"tss-{seed}.pt" for seed in seeds]
    training_commands = "\n".join(
        f"    python -m tss_models.train {path} --seed {seed}{' --sets FOLDER' if members[0]['auxiliary_tracks'] else ''}"
        for path, seed in zip(checkpoints, seeds, strict=True))
    towers = (
        f"{count} such towers, trained from different seeds, are averaged: their logits are added, each last layer carrying its share."
        if count > 1 else "One such tower is the model.")
    dilations = ", ".join(map(str, a["dilations"]))
    settings = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in s.items())
    auxiliary = members[0]["auxiliary_tracks"]
    auxiliary_text = (
        f"Each tower was trained on {auxiliary} auxiliary tracks as well (each published set by itself, and Cappable-seq above "
        "three read scores; training part only). Their outputs are not in the file." if auxiliary else "")
    return f"""# ecoli-tss-cnn

Log odds that transcription starts at a base, on the strand that is read, from the bases around it: a
convolutional network for *Escherichia coli* K-12 MG1655. This card is made by `tss_models.card` from `ecoli-tss-cnn.json`.

Input `sequence` [N, 4, L], one-hot in the order ACGT, a zero column for any other letter. Output `logit` [N, L], one a base:
the logit at base n is for a start at base n. For the minus strand, give the reverse complement.

## Scores on the {result['part']} part

{result['bases_scored']:,} bases of both strands hold {sites[result['part']]} curated sites: a prevalence of {result['prevalence']:.6f}, which is
what a random ranking would reach as average precision at the exact base. Brackets: 95 % intervals from
{result['bootstrap']['resamples']:,} bootstrap resamples of blocks of {result['bootstrap']['block']:,} bases.

{readings_text(result)}

{metrics_table(result)}

A call is a local maximum that no better one within 10 bases suppresses; calls are matched to sites one to one within 5 bases,
best call first. Sites that no call reaches count as missed.

{offsets_table(result)}

The baseline scans with position weight matrices of the -35 and -10 elements (consensus {scan['minus35']} and {scan['minus10']}) and
flexible distances, fitted to the training part's sites by expectation maximization with Biopython's matrices.

## Calibration

A temperature of {calibration['temperature']:.4f} and a shift of {calibration['shift']:+.4f} were found on the validation part and are folded into the last layers. Expected calibration error
{calibration['before']['expected_calibration_error']:.2e} before and {calibration['after']['expected_calibration_error']:.2e} after; log loss {calibration['before']['log_loss']:.6f} before and {calibration['after']['log_loss']:.6f} after.

{reliability_table(calibration['after']['reliability'])}

## Data and split

Genome NC_000913.3. Sites: `examples/ecoli/tss_curated.bed`, clusters of at most 5 bases supported by at least two of three
independent sets (Cappable-seq; SMRT-Cappable-seq; Cho 2014 and Kim 2012 as one). The other bases within 5 of a site count
neither in the loss nor here. Sites of one set alone are negatives in every score.

0-based half-open, both strands of a place together, {split['border']} bases dropped at each border: test {split['test'][0]:,}-{split['test'][1]:,}
({sites['test']} sites), validation {split['validation'][0]:,}-{split['validation'][1]:,} ({sites['validation']} sites), training the rest over the origin
({sites['train']} sites).

## Architecture and training

A convolution of {a['stem_kernel']} bases, then {len(a['dilations'])} residual layers x + ReLU(BatchNorm(Conv(x))) of {a['channels']} channels, kernel {a['kernel']}, dilations
{dilations}, then one logit a base; zero padding keeps the length. {towers}
Reach {a['reach']} bases to either side, {a['parameters']:,} parameters,
{a['multiply_adds_per_base']:,} multiply-adds a base.

Average precision on the validation part by the number of towers, which was chosen by it:

{towers_table(result)}

{auxiliary_text}

AdamW, one-cycle learning rate, binary cross-entropy with importance weights, dropout {a['dropout']}, an exponential moving average of
the weights; of {min(s['stop'], s['steps']):,} steps of a cycle of {s['steps']:,}, the checkpoint with the best validation average precision is kept.
Settings: {settings}; the seed and the rest of each tower:

{members_table(members)}

Minutes are wall time on {s['threads']} threads of a shared machine.

## Use and limits

For saturation mutagenesis and for ranking possible start sites in *E. coli* K-12 and close relatives. The sites were seen in
exponential and stationary growth in a few media: promoters that were silent there are labelled negative. Probabilities are
calibrated at this genome's prevalence, on the bases that count. Reach ends {a['reach']} bases upstream, so distal regulation is invisible. Not tested on
other species.

## Training it again

In `pipelines/models`, with the packages of `requirements.txt`:

{training_commands}
    python -m tss_models.evaluate {' '.join(checkpoints)} ../../models/ecoli-tss-cnn.json
    python -m tss_models.export {' '.join(checkpoints)} ../../models/ecoli-tss-cnn.onnx
    python -m tss_models.card ../../models/ecoli-tss-cnn.json ../../models/ecoli-tss-cnn.md

`make model` runs them all{' (FOLDER: the published sets as BED files, which `consensus` names)' if auxiliary else ''}.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Render the model card.")
    parser.add_argument("evaluation", type=Path)
    parser.add_argument("card", type=Path)
    arguments = parser.parse_args()
    arguments.card.write_text(render(json.loads(arguments.evaluation.read_text())))


if __name__ == "__main__":
    main()
