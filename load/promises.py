"""What has to hold under load, judged from what callers saw and what the others tell."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from load.backend import ENDING, Fault
from load.callers import Seen, found_no_slot

Done: TypeAlias = Mapping[str, Sequence[Fault | None]]
Rows: TypeAlias = Sequence[Mapping[str, Any]]

JUDGED_SECONDS: Final = 120


class Finding(NamedTuple):
    """A promise, what was seen of it, and how it was broken."""

    promise: str
    seen: str
    broken: Sequence[str]


def judge(
    seen: list[Seen], probes: list[Seen], done: Done, usage: Rows, memory: list[float], seconds: int, log: str
) -> list[Finding]:
    """Every promise. `probes` came when all slots had to be free, `memory` is the stack's over time in MB."""
    every, fifth = seen + probes, max(1, len(memory) // 5)
    wrong = [f"{each.order.kind}: {problem}" for each in every for problem in each.problems]
    ids = Counter(each.headers.get("x-request-id", "none") for each in every if each.ending != "lost")
    wrong += [f"the request id {name} came {times} times" for name, times in ids.items() if times > 1]
    taken = [f"{each.order.consumer.id} lacks a slot" for each in probes if found_no_slot(each)]
    early, late = (statistics.median(part or [0]) for part in (memory[fifth : 2 * fifth], memory[-fifth:]))
    grown = ["more than 5 % and 16 MB"] if seconds >= JUDGED_SECONDS and late > 1.05 * early + 16 else []
    endings = _summary(each.ending for each in every)
    did = _summary(fault or "images" for each in done.values() for fault in each)
    return [
        Finding("every response is whole, documented and right", endings, wrong),
        Finding("errors follow from faults, no image is made twice", did, _unexplained(every, done)),
        Finding("usage counts what clients saw", f"{len(usage)} rows", _uncounted(every, usage)),
        Finding("every slot is given back", f"{len(probes)} slots", taken),
        Finding(f"memory is flat (from {JUDGED_SECONDS} s on)", f"{early:.0f} to {late:.0f} MB", grown),
        Finding("nothing else fails", f"{len(log)} bytes of log", ["traceback"] * log.count("Traceback")),
    ]


def _unexplained(seen: Sequence[Seen], done: Done) -> list[str]:
    """Endings that do not follow from what the backend did, and images that it made in vain."""
    groups: defaultdict[str, list[Seen]] = defaultdict(list)
    for each in seen:
        groups[each.order.fields["prompt"]].append(each)
    broken = [f"an image for a prompt that no one sent: {prompt}" for prompt in done.keys() - groups.keys()]
    for prompt, group in groups.items():
        faults = [fault for fault in done.get(prompt, ()) if fault]
        endings, made = {ENDING[fault] for fault in faults}, len(done.get(prompt, ())) - len(faults)
        delivered = sum(each.order.images for each in group if each.ending == "ok")
        # A request that fails drops the images that it has, fewer than it asks for.
        dropped = sum(max(0, each.order.images - 1) for each in group if each.ending in endings)
        allowed = {"ok", "replayed", group[0].order.refused_as, *endings}
        if any(each.ending not in allowed and not found_no_slot(each) for each in group):
            broken.append(f"{group[0].order.kind}: {[each.ending for each in group]} after {faults}")
        elif not delivered <= made <= delivered + dropped:
            broken.append(f"{group[0].order.kind}: {made} images made, {delivered} delivered")
    return broken


def _uncounted(seen: Sequence[Seen], rows: Rows) -> list[str]:
    """Differences between usage and what clients saw."""
    clients, usage = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for each in seen:
        if each.ending != "invalid_token":
            key = (each.order.consumer.id, each.order.model, each.ending)
            clients[*key, "requests"] += 1
            clients[*key, "images"] += each.order.images if each.ending == "ok" else 0
    for row in rows:
        for unit in ("requests", "images"):
            usage[row["consumer_id"], row["model"], row["outcome"], unit] += row[unit]
    differ = sorted(key for key in clients.keys() | usage.keys() if clients[key] != usage[key])
    return [f"{', '.join(key)}: {usage[key]} in usage, {clients[key]} seen" for key in differ]


def _summary(names: Iterable[str]) -> str:
    return ", ".join(f"{times} {name}" for name, times in Counter(names).most_common())
