"""A Slurm of its own on this machine: a controller and two nodes on loopback ports, with their own munge key, all in
one temporary folder. Needs no root and no setting of the machine; runs beside a Slurm that is already there."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

NODES = ("red", "blue")
TOOLS = ("sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun", "sacct", "sacctmgr")
MARK = "TISMSCAN_TEST_CLUSTER"

CONFIGURATION = """\
ClusterName=tismscan-test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=20
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdPidFile={folder}/%n.pid
SlurmdLogFile={folder}/%n.log
SlurmdSpoolDir={folder}/%n
PlugStackConfig={folder}/plugstack.conf
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2
SlurmdTimeout=10
InactiveLimit=0
KillWait=5
JobRequeue=1
ReturnToService=2
{nodes}
PartitionName=test Nodes=ALL Default=YES MaxTime=60 DefaultTime=30 State=UP
"""


class Slurm:
    """`with Slurm(folder) as cluster:` starts it; leaving stops it and every process that it started."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.daemons: dict[str, subprocess.Popen] = {}
        self.configuration = folder / "slurm.conf"

    @property
    def environment(self):
        """For whatever submits jobs: the tools of this cluster come first on the path, and jobs inherit that."""
        return {**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}", MARK: str(self.folder)}

    def __enter__(self):
        try:
            self._write()
            self._start("munged", "--foreground", "--force", f"--socket={self.folder}/munge.socket",
                        f"--key-file={self.folder}/munge.key", f"--log-file={self.folder}/munged.log",
                        f"--pid-file={self.folder}/munged.pid", f"--seed-file={self.folder}/munged.seed")
            self.wait("munged's socket", (self.folder / "munge.socket").exists)
            self._start("slurmctld", "-D", "-f", self.configuration)
            for node in NODES:
                self.start_node(node)
            self.wait("two idle nodes", lambda: self.states() == {node: "idle" for node in NODES})
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if (self.folder / "bin/scancel").exists() and "slurmctld" in self.daemons:
            subprocess.run(["scancel", "--user", getpass.getuser()], env=self.environment, timeout=20, check=False)
        for daemon in reversed(list(self.daemons.values())):
            daemon.terminate()
        for daemon in self.daemons.values():
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for process in self.processes():
            _kill(process)

    def run(self, *command):
        """A command's stdout; fails with its messages."""
        done = subprocess.run([str(c) for c in command], env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.logs()}"
        return done.stdout

    def states(self):
        rows = self.run("sinfo", "--noheader", "--Node", "--format=%N %t").split("\n")
        return dict(row.split() for row in rows if row)

    def queue(self, job=None):
        """State and node of every task still known: {'12_3': ('RUNNING', 'red')}."""
        rows = self.run("squeue", "--noheader", "--array", "--states=all", "--format=%i|%T|%N",
                        *([f"--jobs={job}"] if job else []))
        return {i: (state, node) for i, state, node in (row.split("|") for row in rows.splitlines())}

    def start_node(self, node):
        self._start("slurmd", "-D", "-f", self.configuration, "-N", node, name=node)

    def fail_node(self, node):
        """As if the network to a node were lost: its daemon and its step daemons die, what they started goes on."""
        steps = self.steps(node)
        daemon = self.daemons.pop(node)
        daemon.kill()
        daemon.wait()
        for process in steps:
            _kill(process)
        # Only when they are gone is what they started on its own.
        while any(_runs(process) for process in steps):
            time.sleep(0.05)
        return steps

    def steps(self, node):
        """Process ids of a node's step daemons, known by the node's log that they hold open."""
        log = str(self.folder / f"{node}.log")
        found = []
        for process in _processes():
            try:
                title = Path(f"/proc/{process}/cmdline").read_bytes()
                files = [os.readlink(f) for f in Path(f"/proc/{process}/fd").iterdir()]
            except OSError:
                continue
            if title.startswith(b"slurmstepd") and log in files:
                found.append(process)
        return found

    def processes(self):
        """Every process that descends from this cluster, jobs that outlived their node included."""
        mark = f"{MARK}={self.folder}".encode()
        found = []
        for process in _processes():
            try:
                if process != os.getpid() and mark in Path(f"/proc/{process}/environ").read_bytes().split(b"\0"):
                    found.append(process)
            except OSError:
                continue
        return found + [p for node in NODES for p in self.steps(node) if p not in found]

    def wait(self, what, condition, seconds=60):
        """Polls until the condition holds; returns what it returned."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for name, daemon in self.daemons.items():
                assert daemon.poll() is None, f"{name} ended with {daemon.returncode}\n{self.logs()}"
            try:
                if result := condition():
                    return result
            except AssertionError:
                pass  # the controller does not answer yet
            time.sleep(0.2)
        raise AssertionError(f"waited {seconds} s for {what}\n{self.logs()}")

    def logs(self):
        return "\n".join(
            f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-30:])
            for log in sorted(self.folder.glob("*.log")))

    def _write(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        for name in ("state", "bin"):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(os.urandom(128))
        (self.folder / "plugstack.conf").touch()
        controller, *ports = _free_ports(1 + len(NODES))
        # Nodes have a processor and 2 GB each by declaration; what the machine has does not matter.
        nodes = "\n".join(
            f"NodeName={node} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs=1 RealMemory=2000"
            for node, port in zip(NODES, ports))
        self.configuration.write_text(CONFIGURATION.format(
            host=socket.gethostname().split(".")[0], controller_port=controller, user=getpass.getuser(),
            folder=self.folder, nodes=nodes))
        # Through the path and not through SLURM_CONF, which Snakemake's executor takes out of the environment.
        for tool in TOOLS:
            if path := shutil.which(tool):
                script = self.folder / "bin" / tool
                script.write_text(f'#!/bin/sh\nSLURM_CONF="{self.configuration}" exec {path} "$@"\n')
                script.chmod(0o755)

    def _start(self, program, *arguments, name=None):
        path = shutil.which(program, path=f"/usr/sbin:/sbin:{os.environ['PATH']}")
        assert path, f"{program} is not installed: apt-get install slurm-wlm munge"
        name = name or program
        environment = {**self.environment, "SLURM_CONF": str(self.configuration)}
        with open(self.folder / f"{name}.out.log", "a") as out:
            self.daemons[name] = subprocess.Popen(
                [path, *map(str, arguments)], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True)


def _processes():
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]


def _runs(process):
    """False for what has ended, waited for or not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _kill(process):
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports
