"""Runs in a fresh interpreter for every measurement: loads one handler as Lambda does, and weighs it.

Started with ``python -I -S probe.py <folder>...``; the folders alone become importable. Standard input holds
``{"event": ..., "times": <how often>, "warm_up": <events to answer before, uncounted>}``. The last line of
standard output is ``{"init": usage, "ready": usage, "first": usage, "requests": [{"cpu_seconds",
"wall_seconds"}...], "status": <of the last answer>}``, where a usage is ``{"cpu_seconds", "peak_bytes"}``,
counted from the start of the process; after a warm-up, peaks are counted from its end.
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


def forget_peak() -> None:
    """Let the highest resident memory be that of now. Source: proc_pid_clear_refs(5)."""
    with open("/proc/self/clear_refs", "w") as references:
        references.write("5")


def answer_once(event: "dict[str, object]") -> int:
    """The status that the handler answers; a streamed answer is read to its end, as the runtime does.

    What is to be done afterwards is done, and counted.
    """
    answer = handler.handler(event, Context)
    if isinstance(answer, dict):
        return answer["statusCode"]
    if hasattr(answer, "pieces"):
        for _ in answer.pieces():
            pass
        status = answer.status
    else:
        status = answer.response["statusCode"]
    if answer.afterwards is not None:
        answer.afterwards()
    return status


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
ready = init
for event in order["warm_up"]:
    answer_once(event)
if order["warm_up"]:
    forget_peak()
    ready = measure_usage()
requests = []
for _ in range(order["times"]):
    started_cpu, started_wall = time.process_time(), time.perf_counter()
    status = answer_once(order["event"])
    cpu_seconds, wall_seconds = time.process_time() - started_cpu, time.perf_counter() - started_wall
    requests.append({"cpu_seconds": cpu_seconds, "wall_seconds": wall_seconds})
    if len(requests) == 1:
        first = {**measure_usage(), "cpu_seconds": ready["cpu_seconds"] + cpu_seconds}
result = {"init": init, "ready": ready, "first": first, "requests": requests, "status": status}
print("\n" + json.dumps(result))
