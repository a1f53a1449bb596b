"""Pillow is loaded by one thread at a time, however many ask for it.

Each program runs in a process of its own, in which nothing of Pillow has been imported.
"""

import os
import subprocess
import sys

_GATE = """
import sys, threading
from imagineart.adapters.pillow_loading import await_pillow, load_pillow_meanwhile

class Gate:
    # Asked for every module before it is looked for.
    def find_spec(self, name, path=None, target=None):
        if name == gated and first.acquire(blocking=False):
            reach()

def loaders():
    return [each for each in threading.enumerate() if each.name == "load Pillow"]

first = threading.Semaphore(1)
sys.meta_path.insert(0, Gate())
"""

_MANY_BEGIN = """
gated, gate = "PIL.Image", threading.Event()
reach = gate.wait
together = threading.Barrier(8)
def begin():
    together.wait()
    load_pillow_meanwhile()
threads = [threading.Thread(target=begin) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
print(len(loaders()))
gate.set()
await_pillow()
print(len(loaders()), "PIL.ImageCms" in sys.modules)
"""

_ONE_IMPORTS = """
gated, seen = "PIL.Image", []
other = threading.Thread(target=load_pillow_meanwhile)
class Later:
    # The modules that PIL.Image itself imports are looked for while it is only half there.
    def find_spec(self, name, path=None, target=None):
        if name.startswith("PIL.") and threading.current_thread() is threading.main_thread():
            seen.append(len(loaders()))
reach = other.start
sys.meta_path.insert(1, Later())
await_pillow()
print("PIL.Image" in sys.modules, len(seen) > 1, max(seen))
other.join()
await_pillow()
print(len(loaders()), "PIL.ImageCms" in sys.modules)
"""


def run(program: str) -> list[str]:
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _GATE + program]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_many_who_begin_at_once_start_one_thread_and_all_is_there_when_it_has_been_awaited() -> None:
    assert run(_MANY_BEGIN) == ["1", "0 True"]


def test_who_needs_it_first_has_imported_it_before_a_thread_begins() -> None:
    assert run(_ONE_IMPORTS) == ["True True 0", "0 True"]
