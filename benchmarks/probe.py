"""Runs in a fresh interpreter for every measurement: loads one handler as Lambda does, and weighs it.

Started with ``python -I -S probe.py <folder>...``; the folders alone become importable. Standard input holds
``{"event": ..., "times": <how often>}``. The last line of standard output is ``{"init": usage,
"first": usage, "requests_cpu_seconds": [...], "status": <of the last answer>}``, where a usage is
``{"cpu_seconds", "peak_bytes"}``, counted from the start of the process.
"""

# Nothing else before the handler: what is imported here is not counted for whoever needs it, too.
import sys
import time

sys.path[:0] = sys.argv[1:]
import handler  # noqa: E402


def measure_usage() -> dict[str, float]:
    """User and system time, and the highest resident memory, of this process so far."""
    cpu_seconds = time.process_time()
    try:
        # Unlike ru_maxrss this does not remember the process that started this one.
        with open("/proc/self/status") as status:
            kilobytes = next(line.split()[1] for line in status if line.startswith("VmHWM"))
            peak_bytes = int(kilobytes) * 1024
    except FileNotFoundError:
        import resource

        # Only macOS has no /proc here, and it counts in bytes.
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"cpu_seconds": cpu_seconds, "peak_bytes": peak_bytes}


class Context:
    """The context object of an invocation that has all its time left."""

    function_name = "benchmark"
    function_version = "$LATEST"
    memory_limit_in_mb = 1769
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:benchmark"
    aws_request_id = "00000000-0000-0000-0000-000000000000"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 28_000


init = measure_usage()

import json  # noqa: E402

order = json.load(sys.stdin)
seconds = []
for _ in range(order["times"]):
    started = time.process_time()
    answer = handler.handler(order["event"], Context)
    seconds.append(time.process_time() - started)
    if len(seconds) == 1:
        after = measure_usage()
        first = {**after, "cpu_seconds": init["cpu_seconds"] + seconds[0]}
result = {
    "init": init,
    "first": first,
    "requests_cpu_seconds": seconds,
    "status": answer["statusCode"],
}
print("\n" + json.dumps(result))
