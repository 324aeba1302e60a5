"""What a run costs: seconds, calls, refusals, memory."""

import json
import os
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

_PAUSE = 0.5
_MIB = 1 << 20


class Memory:
    """The peak memory of the workers' processes.

    :param processes: returns their IDs.
    """

    def __init__(self, processes):
        self.together = 0
        self.largest = 0
        self.samples = []  # times, and the bytes of all processes together
        self._processes = processes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _watch(self):
        while not self._over.wait(_PAUSE):
            shares = [share_of(pid) for pid in self._processes()]
            self.samples.append((time.monotonic(), sum(shares)))
            self.together = max(self.together, sum(shares))
            self.largest = max(self.largest, *shares, 0)


def share_of(pid):
    """Return a process's bytes, with shared bytes counted in part (its PSS)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it is over
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def session(leader):
    """Return the processes of a session, which holds a worker's children and their tasks."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            with suppress(ProcessLookupError):  # it is over
                if os.getsid(int(path.name)) == leader:
                    found.append(int(path.name))
    return found


@contextmanager
def measured(name, cluster, emulator):
    """Measure a run, and print and record its cost; the result's figures are set at the end."""
    emulator.clear()
    figures = {"run": name}
    started = time.monotonic()
    with Memory(cluster.processes) as memory:
        yield figures
    calls = [call for call in emulator.calls if call.path.endswith("report/integrated/get/")]
    figures |= {
        "seconds": round(time.monotonic() - started, 1),
        "calls": len(calls),
        "refused": sum(call.code == 40100 for call in calls),
        "workers_mib": memory.together // _MIB,
        "largest_process_mib": memory.largest // _MIB,
    }
    print("\n" + json.dumps(figures))
    if path := os.environ.get("SCALE_FIGURES"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(figures) + "\n")
