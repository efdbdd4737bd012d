"""Measures tismscan and its peers side by side and writes `results.json` and `RESULTS.md`.

    python -m peers.run --root FOLDER --bench EXECUTABLE --pytorch PYTHON --keras PYTHON [--networks "basset bpnet64"] ...

For each network, number of threads and work: every tool first tries its settings alone; then the cells are set up and measured
in turn, round after round, so that whatever the machine does hits all alike. Results are merged per network and number of
threads: a run cut short keeps what it had.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

from . import report
from .agreement import compared
from .client import Client, Failure, SideBySide
from .networks import BY_NAME, NETWORKS, Network, as_text, compared_columns, sample_columns

OURS = "tismscan"
COMPARED_SEQUENCES = 4
CLAIMED = ("tism-all", "integrated-gradients", "deepshap")
"""Works of the rows that the fastISM paper claims."""


def cells(network: Network) -> list[tuple[str, str]]:
    """Tools and works of a network, ours first within a work."""
    peers: list[tuple[str, str]] = []
    if not network.files:  # a network of its own, not another set of targets
        peers += [(OURS, "predict"), ("onnxruntime", "predict"), ("pytorch", "predict")]
        peers += [(OURS, "tism"), ("pytorch", "tism")]
    peers += [(OURS, "ism")]
    peers += [(tool, "ism") for tool in ("onnxruntime", "pytorch", "tangermeme", "tangermeme-slow")]
    if network.keras:
        peers.append(("fastISM", "ism"))
    if network.sequential:
        peers.append(("yuzu", "ism"))
    if network.every_output:
        peers += [(OURS, "tism-all"), ("pytorch", "tism-all"), ("captum", "integrated-gradients"), ("captum", "deepshap")]
    return peers


class Bench:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.root: Path = arguments.root
        self.logs = self.root / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.known: dict[tuple[str, str, str, int], dict] = {}

    def python(self, tool: str) -> str:
        return self.arguments.keras if tool == "fastISM" else self.arguments.pytorch

    def start(self, network: Network, tool: str, work: str, threads: int, settings: dict | None) -> Client | SideBySide:
        settings = dict(settings) if settings is not None else None
        if settings and settings.pop("processes", 1) > 1:
            return SideBySide([
                self.start_process(network, tool, work, 1, settings, core) for core in range(threads)])
        return self.start_process(network, tool, work, threads, settings)

    def start_process(
        self, network: Network, tool: str, work: str, threads: int, settings: dict | None, core: int = 0
    ) -> Client:
        kind = "-search" if settings is None else f"-core{core}" if core else ""
        log = self.logs / f"{network.name}-{work}-{tool}-{threads}{kind}.log"
        if tool == OURS:
            command = [
                self.arguments.bench, "serve", "--model", network.folder(self.root) / "model.onnx", "--work", work,
                "--threads", threads, "--sequences", network.folder(self.root) / "sequences.txt", "--columns",
                as_text(sample_columns(network.length))]
            for target in network.targets:
                command += ["--target", target.text]
        else:
            command = [
                self.python(tool), "-W", "ignore", "-m", "peers.worker", "--tool", tool, "--work", work, "--network",
                network.name, "--root", self.root, "--threads", threads]
            if settings is not None:
                command += ["--settings", json.dumps(settings)]
            elif self.arguments.quick:
                command.append("--quick")
        return Client([str(part) for part in command], threads, log, self.arguments.timeout, core)

    def settings(self, network: Network, tool: str, work: str, threads: int) -> dict:
        """The settings of a peer that are fastest here; tried alone. All threads on every layer, or a process a thread."""
        found = self.searched(network, tool, work, threads)
        if threads == 1 or self.arguments.quick:
            return found
        single = self.searched(network, tool, work, 1)
        apart = {**single["best"], "processes": threads}
        rates = [self.trial(network, tool, work, threads, settings) for settings in (found["best"], apart)]
        tried = found["tried"] + [{**found["best"], "rate": rates[0]}, {**apart, "rate": rates[1]}]
        return {"best": apart if rates[1] > rates[0] else found["best"], "tried": tried}

    def searched(self, network: Network, tool: str, work: str, threads: int) -> dict:
        """Searched once a network, tool, work and number of threads."""
        key = (network.name, tool, work, threads)
        if key not in self.known:
            with self.start(network, tool, work, threads, None) as client:
                found = client.reply()
            if found["best"] is None:
                raise Failure(found["tried"][0].get("error", "no setting works") if found["tried"] else "no settings")
            self.known[key] = found
        return self.known[key]

    def trial(self, network: Network, tool: str, work: str, threads: int, settings: dict) -> float:
        with self.start(network, tool, work, threads, settings) as client:
            client.reply()
            return client.ask(f"measure {self.arguments.seconds}")["rate"]

    def measure(self, network: Network, threads: int) -> dict:
        """All cells of a network: those that are compared with each other live at the same time."""
        result: dict = {"cells": {}, "peak": []}
        works = list(dict.fromkeys(work for _, work in cells(network)))
        for group in [[work] for work in works if work not in CLAIMED] + [[work for work in works if work in CLAIMED]]:
            self.measure_group(network, threads, [cell for cell in cells(network) if cell[1] in group], result)
        return result

    def measure_group(self, network: Network, threads: int, group: list[tuple[str, str]], result: dict) -> None:
        """Sets up some cells, measures them in rounds, compares their scores."""
        clients: dict[str, Client] = {}
        try:
            for tool, work in group:
                self.set_up(network, threads, tool, work, result["cells"], clients)
            for _ in range(self.arguments.rounds if clients else 0):
                result["peak"].append(self.peak(threads))
                for key in list(clients):
                    found = self.ask(f"measure {self.arguments.seconds}", key, network, threads, result["cells"], clients)
                    if found:
                        result["cells"][key]["rounds"].append(found)
            scores: dict[str, dict] = {}
            question = f"scores {COMPARED_SEQUENCES} {as_text(compared_columns(network.length))}"
            for key in list(clients):
                memory = self.ask("memory", key, network, threads, result["cells"], clients)
                found = memory and self.ask(question, key, network, threads, result["cells"], clients)
                if found:
                    result["cells"][key]["peakMemory"] = memory["peakMemory"]
                    scores[key] = found
            for key, found in scores.items():
                cell = result["cells"][key]
                if cell["tool"] != OURS and f"{cell['work']}/{OURS}" in scores:
                    cell["agreement"] = compared(scores[f"{cell['work']}/{OURS}"], found)
        finally:
            for client in clients.values():
                client.close()
        for tool, work in group:
            cell = result["cells"][f"{work}/{tool}"]
            if cell["rounds"]:
                rate = statistics.median(r["rate"] for r in cell["rounds"])
                self.say(network, threads, f"{work}/{tool}: {rate:,.4g} a second, agreement {cell.get('agreement', '-')}")

    def set_up(
        self, network: Network, threads: int, tool: str, work: str, found: dict, clients: dict[str, Client]
    ) -> None:
        key = f"{work}/{tool}"
        cell = found[key] = {"tool": tool, "work": work, "rounds": []}
        try:
            chosen: dict | None = {}
            if tool != OURS:
                searched = self.settings(network, tool, work, threads)
                chosen, cell["tried"] = searched["best"], searched["tried"]
            clients[key] = self.start(network, tool, work, threads, chosen)
            cell["description"] = clients[key].reply()
            self.say(network, threads, f"{key} ready {chosen or ''}")
        except Failure as failure:
            self.drop(key, cell, clients, failure, network, threads)

    def ask(
        self, question: str, key: str, network: Network, threads: int, found: dict, clients: dict[str, Client]
    ) -> dict | None:
        """A cell's answer; a cell that gives none is left out from then on."""
        try:
            return clients[key].ask(question)
        except Failure as failure:
            self.drop(key, found[key], clients, failure, network, threads)
            return None

    def drop(self, key: str, cell: dict, clients: dict[str, Client], failure: Failure, network, threads) -> None:
        cell["error"] = str(failure)
        if key in clients:
            clients.pop(key).close()
        self.say(network, threads, f"{key}: {failure}")

    def peak(self, threads: int) -> float:
        command = [str(self.arguments.bench), "peak", "--threads", str(threads), "--seconds", "0.5"]
        with Client(command, threads, self.logs / "peak.log", self.arguments.timeout) as client:
            return client.reply()["multiplyAddsPerSecond"]

    def say(self, network: Network, threads: int, text: str) -> None:
        print(f"{network.name}, {threads} thread{'s' if threads > 1 else ''}: {text}", flush=True)

    def write_networks(self, networks: list[Network]) -> None:
        names = list(dict.fromkeys(network.files or network.name for network in networks))
        for python, module in [(self.arguments.pytorch, "write_networks"), (self.arguments.keras, "keras_networks")]:
            with (self.logs / f"{module}.log").open("w") as log:
                done = subprocess.run(
                    [python, "-W", "ignore", "-m", f"peers.{module}", self.root, *names], stderr=log,
                    env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
            if done.returncode:
                raise SystemExit(f"peers.{module} failed: see {log.name}")


def machine() -> dict:
    text = Path("/proc/cpuinfo").read_text()
    names = {line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name")}
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {
        "processor": ", ".join(sorted(names)) or platform.machine(), "cores": len(os.sched_getaffinity(0)),
        "memory": int(memory.split()[1]) * 1024, "system": f"{platform.system()} {platform.release()}"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True, help="folder of the networks")
    parser.add_argument("--bench", type=Path, required=True, help="the executable tismscan-bench")
    parser.add_argument("--pytorch", required=True, help="python of the environment with PyTorch")
    parser.add_argument("--keras", required=True, help="python of the environment with Keras")
    parser.add_argument("--networks", default="", help=f"names, all by default: {' '.join(BY_NAME)}")
    parser.add_argument("--threads", default="1 2", help="numbers of threads")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds a cell and round")
    parser.add_argument("--timeout", type=float, default=900.0, help="seconds for one answer of a tool")
    parser.add_argument("--output", type=Path, required=True, help="folder of results.json and RESULTS.md")
    parser.add_argument("--quick", action="store_true", help="a smoke run: one setting a tool")
    arguments = parser.parse_args()
    names = arguments.networks.split() or list(BY_NAME)
    if unknown := [name for name in names if name not in BY_NAME]:
        raise SystemExit(f"unknown networks {' '.join(unknown)}: choose among {' '.join(BY_NAME)}")
    cores = len(os.sched_getaffinity(0))
    threads = [int(number) for number in arguments.threads.split()]
    if too_many := [number for number in threads if number > cores]:
        print(f"only {cores} cores: left out {too_many} threads", file=sys.stderr)

    bench = Bench(arguments)
    networks = [network for network in NETWORKS if network.name in names]
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    bench.write_networks(networks)
    for network in networks:
        for number in threads:
            if number > cores:
                continue
            measured = bench.measure(network, number)
            measured["machine"] = machine()
            measured["rounds"], measured["seconds"] = arguments.rounds, arguments.seconds
            results.setdefault(network.name, {})[str(number)] = measured
            path.write_text(json.dumps(results, indent=1) + "\n")
            (arguments.output / "RESULTS.md").write_text(report.markdown(results))


if __name__ == "__main__":
    main()
