"""`make soak`: many callers against the local stack, and a table of the promises that held."""

import argparse
import signal
import sys

from load.soak import Plan, soak
from local.template import PROJECT


def main() -> int:
    """Soak. Returns 1 if a promise is broken, 2 if the soak could not be made, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    for name, default in Plan()._asdict().items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    plan = Plan(**vars(parser.parse_args()))
    if not (0 < plan.callers <= 200 and 0 < plan.seconds <= 3600 and 0 <= plan.backend_seconds <= 10):
        parser.error("allowed: 1 to 200 callers, 1 to 3600 seconds, and 0 to 10 seconds of the backend")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(f"{plan.callers} callers for {plan.seconds} s; Ctrl-C stops everything.", flush=True)
    try:
        findings = soak(plan, PROJECT / ".local" / "soak")
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print("\n| Promise | Held | Seen |\n| --- | --- | --- |")
    for promise, seen, broken in findings:
        print(f"| {promise} | {f'no: {len(broken)}, such as {broken[0]}' if broken else 'yes'} | {seen} |")
    return int(any(broken for _, _, broken in findings))


if __name__ == "__main__":
    sys.exit(main())
