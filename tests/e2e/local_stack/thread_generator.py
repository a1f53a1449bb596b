"""Makes the load of a soak with threads, where locust is not installed, and tells of it as locust does.

::

    python -m tests.e2e.local_stack.thread_generator BASE_URL FOLDER SECONDS
"""

import json
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from load.callers import CALLERS_FILE, Caller, Identity, read_identities
from load.journals import REQUESTS_FILE, Journal
from load.soak import STATS_FILE


def main(base_url: str, folder: Path, seconds: float) -> None:
    journal, counted = Journal(folder / REQUESTS_FILE), Counter()
    ends_at = time.monotonic() + seconds

    def call(identity: Identity) -> None:
        caller = Caller(
            identity,
            base_url,
            journal,
            random.Random(identity.name),
            lambda made: counted.update([made.sent.kind]),
        )
        while time.monotonic() < ends_at:
            caller.act()
        caller.close()

    threads = [threading.Thread(target=call, args=[each]) for each in read_identities(folder / CALLERS_FILE)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    stats = [{"name": kind, "num_requests": number} for kind, number in counted.items()]
    (folder / STATS_FILE).write_text(json.dumps(stats))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
