"""A cell in a process of its own, on cores of its own, asked line by line."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import selectors
import subprocess
from pathlib import Path


class Failure(Exception):
    """A tool that cannot do a work, with its reason."""


MEMORY_SHARE = 0.4
"""Share of the machine's memory that one cell may take: without a limit one tool could get the others killed."""


def restrict(cores: list[int]) -> None:
    """Runs in the new process."""
    os.sched_setaffinity(0, cores)
    limit = int(MEMORY_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


class Client:
    def __init__(self, command: list[str], threads: int, log: Path, timeout: float, first_core: int = 0) -> None:
        cores = sorted(os.sched_getaffinity(0))[first_core:first_core + threads]
        self.log, self.timeout = log, timeout
        self.errors = log.open("w")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
            preexec_fn=lambda: restrict(cores),
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "3"})
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.pending = b""

    def reply(self) -> dict:
        """The next line of JSON."""
        while b"\n" not in self.pending:
            if not self.selector.select(self.timeout):
                raise Failure(f"no answer within {self.timeout:.0f} s")
            part = os.read(self.process.stdout.fileno(), 1 << 20)
            if not part:
                raise Failure(self.reason())
            self.pending += part
        line, self.pending = self.pending.split(b"\n", 1)
        return json.loads(line)

    def send(self, request: str) -> None:
        try:
            self.process.stdin.write(request.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failure(self.reason()) from None

    def ask(self, request: str) -> dict:
        self.send(request)
        return self.reply()

    def reason(self) -> str:
        lines = [line for line in self.log.read_text().splitlines() if line.strip()]
        return lines[-1].strip()[:300] if lines else f"ended with exit status {self.process.wait()}"

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.selector.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SideBySide:
    """Processes of one thread each, one a core, that work at the same time on a share each."""

    def __init__(self, clients: list[Client]) -> None:
        self.clients = clients

    def reply(self) -> dict:
        return [client.reply() for client in self.clients][0]

    def ask(self, request: str) -> dict:
        """Rates and memory add up; scores are the first one's."""
        for client in self.clients:
            client.send(request)
        replies = [client.reply() for client in self.clients]
        sums = {key: sum(reply[key] for reply in replies)
                for key in ("count", "rate", "cpuSeconds", "peakMemory") if key in replies[0]}
        return {**replies[0], **sums}

    def close(self) -> None:
        for client in self.clients:
            client.close()

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
