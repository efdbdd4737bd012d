"""Writes `RESULTS.md` from `results.json`. Rates are medians over the rounds; a ratio is the median of the rounds' ratios."""

from __future__ import annotations

import statistics

from .networks import NETWORKS, Network

OURS = "tismscan"
WORKS = [
    ("ism", "exact ISM", "edits"), ("tism", "TISM, one target", "windows"), ("predict", "prediction", "windows"),
]
CLAIMED = [
    ("ism", "exact ISM"), ("tism-all", "gradient"), ("integrated-gradients", "integrated gradients, 50 steps"),
    ("deepshap", "DeepSHAP, 10 references"),
]


def rates(cell: dict) -> list[float]:
    return [r["rate"] for r in cell["rounds"]]


def median(cell: dict) -> float:
    return statistics.median(rates(cell))


def ratio(ours: dict, theirs: dict) -> float:
    """How many times faster we are: both from the same round."""
    return statistics.median(a / b for a, b in zip(rates(ours), rates(theirs)))


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def of_work(measured: dict, work: str) -> dict[str, dict]:
    """Cells of a work that were measured, by tool."""
    return {cell["tool"]: cell for cell in measured["cells"].values()
            if cell["work"] == work and cell["rounds"] and "error" not in cell}


def multiply_adds(cell: dict) -> float:
    """Of one edit or window, as the plan counts them."""
    description = cell["description"]
    return {"ism": description["editMultiplyAdds"], "tism": 2 * description["windowMultiplyAdds"],
            "predict": description["windowMultiplyAdds"]}[cell["work"]]


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    left = "|" + "|".join("---" if i == 0 else "---:" for i in range(len(header))) + "|"
    return ["| " + " | ".join(header) + " |", left, *("| " + " | ".join(row) + " |" for row in rows), ""]


def summary(network: Network, measured: dict[str, dict]) -> list[str]:
    """One row a work and number of threads."""
    rows = []
    for work, title, unit in WORKS:
        for threads, result in sorted(measured.items()):
            found = of_work(result, work)
            if OURS not in found:
                continue
            ours, peers = found[OURS], {tool: cell for tool, cell in found.items() if tool != OURS}
            best = max(peers, key=lambda tool: median(peers[tool]), default=None)
            peak = statistics.median(result["peak"])
            rows.append([
                f"{title}, {unit}/s", threads, number(median(ours)),
                f"{best} {number(median(peers[best]))}" if best else "-",
                f"{ratio(ours, peers[best]):.2f} x" if best else "-",
                f"{median(ours) * multiply_adds(ours) / peak:.0%}",
                f"{ours.get('peakMemory', 0) / 2**20:,.0f}",
                f"{peers[best].get('peakMemory', 0) / 2**20:,.0f}" if best else "-"])
    return table(
        ["work", "threads", "tismscan", "best peer", "ratio", "of peak", "MiB", "peer's MiB"], rows) if rows else []


def peers(measured: dict[str, dict]) -> list[str]:
    """Every peer: rate, our ratio, agreement, settings; or why it could not."""
    rows = []
    for work, title, unit in WORKS:
        for threads, result in sorted(measured.items()):
            ours = of_work(result, work).get(OURS)
            for cell in result["cells"].values():
                if cell["work"] != work or cell["tool"] == OURS:
                    continue
                if "error" in cell:
                    rows.append([f"{title}, {unit}/s", threads, cell["tool"], "-", "-", "-", f"failed: {cell['error']}"])
                    continue
                agreement = cell.get("agreement")
                settings = ", ".join(f"{k} {v}" for k, v in cell["description"]["settings"].items())
                rows.append([
                    f"{title}, {unit}/s", threads, cell["tool"], number(median(cell)),
                    f"{ratio(ours, cell):.2f} x" if ours else "-",
                    f"{agreement:.0e}" if agreement is not None else "-", settings])
    return ["<details><summary>every peer</summary>", "",
            *table(["work", "threads", "peer", "rate", "tismscan's ratio", "scores differ by", "settings"], rows),
            "</details>", ""]


def costs(measured: dict[str, dict]) -> list[str]:
    """The plan's cost beside the measured one, and how two threads compare with one."""
    lines = []
    for threads, result in sorted(measured.items()):
        ism, predict = of_work(result, "ism").get(OURS), of_work(result, "predict").get(OURS)
        if not ism:
            continue
        description = ism["description"]
        edit, window = description["editMultiplyAdds"], description["windowMultiplyAdds"]
        expected = window / edit
        if description["prefersDifferences"] and "editKernelTime" in description:
            expected = description["windowKernelTime"] / description["editKernelTime"]
        way = "difference propagation" if description["prefersDifferences"] else "a forward pass an edit"
        line = (f"Plan, {threads} thread{'s' if threads != '1' else ''}: {way}, {edit / 1e6:,.2f} M multiply-adds an edit "
                f"of {window / 1e6:,.1f} M a window, so an edit should cost 1/{expected:.1f} of a window")
        if predict:
            line += f"; measured 1/{median(ism) / median(predict):.1f}"
        lines.append(line + ".")
    if {"1", "2"} <= measured.keys():
        gains = []
        for work, title, _ in WORKS:
            one, two = (of_work(measured[t], work).get(OURS) for t in ("1", "2"))
            if one and two:
                gains.append(f"{title} {median(two) / median(one):.2f} x")
        lines.append(f"Two threads against one: {', '.join(gains)}.")
    return ["  \n".join(lines), ""] if lines else []


def claims(network: Network, measured: dict[str, dict]) -> list[str]:
    """Seconds a sequence for every output, as the fastISM paper compares methods."""
    rows = []
    for threads, result in sorted(measured.items()):
        ours = of_work(result, "ism").get(OURS)
        for work, title in CLAIMED:
            for tool, cell in of_work(result, work).items():
                if work == "ism" and tool not in (OURS, "fastISM"):
                    continue
                # A rate of exact ISM is in edits, the others in sequences.
                seconds = (3 * network.length if work == "ism" else 1) / median(cell)
                against = seconds * median(ours) / (3 * network.length) if ours else None
                rows.append([
                    f"{title}, {tool}", threads, number(seconds), f"{against:.2f} x" if against is not None else "-"])
    if not rows:
        return []
    return [f"Seconds a sequence for all {len(network.targets):,} outputs, and how many times as long as our exact ISM:", "",
            *table(["method", "threads", "seconds", "of our ISM's time"], rows)]


def versions(results: dict) -> dict[str, str]:
    found = {}
    for measured in results.values():
        for result in measured.values():
            for cell in result["cells"].values():
                description = cell.get("description", {})
                if "version" in description:
                    found[description["tool"].removesuffix("-slow")] = description["version"]
    return dict(sorted(found.items()))


def instruction_sets(results: dict) -> str:
    return ", ".join(sorted({
        cell["description"]["instructionSet"] for measured in results.values() for result in measured.values()
        for cell in result["cells"].values() if "instructionSet" in cell.get("description", {})}))


def machines(results: dict) -> list[str]:
    found = {f"{m['processor']}, {m['cores']} cores, {m['memory'] / 2**30:.0f} GiB, {m['system']}"
             for measured in results.values() for m in (result["machine"] for result in measured.values())}
    return sorted(found)


def peaks(results: dict) -> str:
    found: dict[str, list[float]] = {}
    for measured in results.values():
        for threads, result in measured.items():
            found.setdefault(threads, []).extend(result["peak"])
    return ", ".join(
        f"{statistics.median(values) / 1e9:.0f} G multiply-adds/s with {threads} thread{'s' if threads != '1' else ''}"
        for threads, values in sorted(found.items()))


def markdown(results: dict) -> str:
    lines = [
        "# Results", "",
        "Written by `make bench` from `results.json`; how it measures is in [README.md](README.md). Rates are medians of the "
        "rounds, ratios medians of ratios within a round. \"Of peak\": the plan's multiply-adds a second over the "
        "machine's measured peak (float multiply-adds in registers alone, the widest vectors) with as many threads; TISM counts as two "
        "passes.", "",
        *(f"- machine: {machine}" for machine in machines(results)),
        f"- instruction set of tismscan: {instruction_sets(results)}", f"- measured peak: {peaks(results)}",
        "- peers: " + ", ".join(f"{tool} {version}" for tool, version in versions(results).items()), ""]
    for network in NETWORKS:
        measured = results.get(network.name)
        if not measured:
            continue
        lines += [f"## {network.title}", "", *summary(network, measured), *costs(measured)]
        if network.every_output:
            lines += claims(network, measured)
        lines += peers(measured)
    return "\n".join(lines).rstrip() + "\n"
