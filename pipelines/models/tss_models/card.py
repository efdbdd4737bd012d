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


def render(result: dict) -> str:
    """The card."""
    a, training, calibration = result["architecture"], result["training"], result["calibration"]
    s, sites, split, scan = training["settings"], result["sites"], result["split"], result["baseline_scan"]
    dilations = ", ".join(map(str, a["dilations"]))
    settings = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in s.items())
    auxiliary = training["auxiliary_tracks"]
    with_sets = " --sets FOLDER" if auxiliary else ""
    auxiliary_text = (
        f"The tower was trained on {auxiliary} auxiliary tracks as well (each published set by itself, and Cappable-seq above "
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

{metrics_table(result)}

A call is a local maximum that no better one within 10 bases suppresses; calls are matched to sites one to one within 5 bases,
best call first. Sites that no call reaches count as missed.

{offsets_table(result)}

The baseline scans with position weight matrices of the -35 and -10 elements (consensus {scan['minus35']} and {scan['minus10']}) and
flexible distances, fitted to the training part's sites by expectation maximization with Biopython's matrices.

## Calibration

A temperature of {calibration['temperature']:.4f} and a shift of {calibration['shift']:+.4f} were found on the validation part and are folded into the last layer. Expected calibration error
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
{dilations}, then one logit a base; zero padding keeps the length. Reach {a['reach']} bases to either side, {a['parameters']:,} parameters,
{a['multiply_adds_per_base']:,} multiply-adds a base.

{auxiliary_text}

AdamW, one-cycle learning rate, binary cross-entropy with importance weights, dropout {a['dropout']}, an exponential moving average of
the weights; the checkpoint with the best validation average precision is kept (step {training['validation']['step']:,} of {s['steps']:,},
{training['validation']['minutes']:.0f} minutes on {s['threads']} threads, validation average precision {training['validation']['base_average_precision']:.3f} at the exact base and {training['validation']['calls_average_precision']:.3f} of the calls).
Settings: {settings}.

## Use and limits

For saturation mutagenesis and for ranking possible start sites in *E. coli* K-12 and close relatives. The sites were seen in
exponential and stationary growth in a few media: promoters that were silent there are labelled negative. Probabilities are
calibrated at this genome's prevalence, on the bases that count. Reach ends {a['reach']} bases upstream, so distal regulation is invisible. Not tested on
other species.

## Training it again

In `pipelines/models`, with the packages of `requirements.txt`:

    python -m tss_models.train tss.pt --steps {s['steps']}{with_sets}
    python -m tss_models.evaluate tss.pt ../../models/ecoli-tss-cnn.json
    python -m tss_models.export tss.pt ../../models/ecoli-tss-cnn.onnx
    python -m tss_models.card ../../models/ecoli-tss-cnn.json ../../models/ecoli-tss-cnn.md

`make model` runs the four{' (FOLDER: the published sets as BED files, which `consensus` names)' if auxiliary else ''}.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Render the model card.")
    parser.add_argument("evaluation", type=Path)
    parser.add_argument("card", type=Path)
    arguments = parser.parse_args()
    arguments.card.write_text(render(json.loads(arguments.evaluation.read_text())))


if __name__ == "__main__":
    main()
