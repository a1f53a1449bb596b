"""What has to hold under load, judged from what callers saw and what the others tell."""

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from imagineart.usage.model import UsageRow
from load.backend import ENDING, LoadBackend
from load.callers import Seen, found_no_slot

JUDGED_SECONDS: Final = 120


Finding: TypeAlias = tuple[str, str, Sequence[str]]
"""A promise, what was seen of it, and how it was broken."""


class Saw(NamedTuple):
    """What callers saw; `ends` are the ends of jobs, `probes` came when all slots had to be free.

    `memory` is the stack's over time in MB, `days` the images that count for the day of each consumer, and
    `credits` what accounts bought, and what is wrong with it.
    """

    seen: list[Seen]
    ends: list[Seen]
    probes: list[Seen]
    memory: list[float]
    usage: Sequence[UsageRow]
    days: Mapping[str, int]
    credits: tuple[str, Sequence[str]]


def judge(saw: Saw, backend: LoadBackend, seconds: int, log: str) -> list[Finding]:
    """Every promise. The stack's `log` names the jobs whose workers were killed."""
    every, fifth = saw.seen + saw.ends + saw.probes, max(1, len(saw.memory) // 5)
    wrong = [f"{each.order.kind}: {problem}" for each in every for problem in each.problems]
    ids = Counter(each.headers["x-request-id"] for each in every if "x-request-id" in each.headers)
    wrong += [f"the request id {name} came {times} times" for name, times in ids.items() if times > 1]
    taken = [f"{each.order.consumer.id} lacks a slot" for each in saw.probes if found_no_slot(each)]
    memory = saw.memory
    early, late = (statistics.median(part or [0]) for part in (memory[fifth : 2 * fifth], memory[-fifth:]))
    grown = ["more than 5 % and 16 MB"] if seconds >= JUDGED_SECONDS and late > 1.05 * early + 16 else []
    killed = set(re.findall(r"^killed (\S+)", log, re.MULTILINE))
    jobs = f"{_summary(each.ending for each in saw.ends)}; {len(killed)} with killed workers"
    lost = [f"{each.job['id']} is {each.job['status']}" for each in saw.ends if not each.job["ended_at"]]
    again = [each.job["id"] for each in saw.ends if each.job["attempts"] > 1 and each.job["id"] not in killed]
    did = _summary(fault or "images" for each in backend.done.values() for fault in each)
    came = f"{backend.taken} taken, {len(backend.refused)} refused first"
    return [
        ("every response is whole, documented and right", _summary(each.ending for each in every), wrong),
        ("errors follow from faults, no image is made twice", did, _unexplained(every, backend)),
        ("every job ends, and only a kill starts it again", jobs, lost + again),
        ("every job has one webhook, which is taken once", came, _misdelivered(saw.ends, backend)),
        ("usage and quotas count what clients saw", f"{len(saw.usage)} rows", _uncounted(every, saw, killed)),
        ("accounts pay once for what they get, and for nothing else", *saw.credits),
        ("every slot is given back", f"{len(saw.probes)} slots", taken),
        (f"memory is flat (from {JUDGED_SECONDS} s on)", f"{early:.0f} to {late:.0f} MB", grown),
        ("nothing else fails", f"{len(log)} bytes of log", ["traceback"] * log.count("Traceback")),
    ]


def _unexplained(seen: Sequence[Seen], backend: LoadBackend) -> list[str]:
    """Endings that do not follow from what the backend did, and images that it made in vain."""
    groups: defaultdict[str, list[Seen]] = defaultdict(list)
    for each in seen:
        groups[each.order.fields["prompt"]].append(each)
    done = backend.done
    broken = [f"an image for a prompt that no one sent: {prompt}" for prompt in done.keys() - groups.keys()]
    for prompt, group in groups.items():
        faults = [fault for fault in done.get(prompt, ()) if fault]
        endings, made = {ENDING[fault] for fault in faults}, len(done.get(prompt, ())) - len(faults)
        delivered = sum(each.order.images for each in group if each.ending == "ok")
        # A request that fails drops the images that it has, fewer than it asks for.
        dropped = sum(max(0, each.order.images - 1) for each in group if each.ending in endings)
        # Workers that were killed may have made others in vain, and the job says how many.
        jobs = [each.job for each in group if each.job]
        dropped += sum(job["attempts"] - 1 if job["error"] else job["repeated_calls"] for job in jobs)
        allowed = {"ok", "replayed", "accepted", group[0].order.refused_as, *endings}
        if any(each.ending not in allowed and not found_no_slot(each) for each in group):
            broken.append(f"{group[0].order.kind}: {[each.ending for each in group]} after {faults}")
        elif not delivered <= made <= delivered + dropped:
            broken.append(f"{group[0].order.kind}: {made} images made, {delivered} delivered")
    return broken


def _misdelivered(ends: Sequence[Seen], backend: LoadBackend) -> list[str]:
    """Jobs whose webhook is missing, wrong or taken more than once, and webhooks of no job."""
    jobs = {urlsplit(each.order.fields["webhook_url"]).path: each.job for each in ends}
    broken = [f"a webhook of no job at {path}" for path in backend.came.keys() - jobs.keys()]
    for path, job in jobs.items():
        came = [(name, body["type"], body["data"]) for name, body in backend.came[path]]
        wanted = [(f"wh_{job['id']}", f"job.{job['status']}", job)] * (1 + backend.refused.count(path))
        broken += [f"{job['id']}: {came} in place of {wanted}"] * (came != wanted)
    return broken


def _uncounted(every: Sequence[Seen], saw: Saw, killed: Collection[str]) -> list[str]:
    """Differences between what is counted and what clients saw.

    A worker that is killed as it settles a job leaves its usage uncounted, or its image counted for the day.
    """
    wanted, counted, unsure = (Counter[tuple[str, ...]]() for _ in range(3))
    for each in every:
        owner, images = each.order.consumer.id, each.order.images * (each.ending == "ok")
        key, day = (owner, each.order.model, each.ending), (owner, "the day", "", "images")
        keys = [(*key, "requests"), *[(*key, "images"), day] * images]
        wanted.update(keys if each.ending != "invalid_token" else ())
        unsure.update([*keys, day] if each.job and each.job["id"] in killed else ())
    for row in saw.usage:
        key = (row.consumer_id, row.operation, row.outcome)
        counted.update({(*key, "requests"): row.requests, (*key, "images"): row.images})
    counted.update({(owner, "the day", "", "images"): images for owner, images in saw.days.items()})
    # How often callers asked for a job is not noted, and after midnight the counters of the day are gone.
    unknown = {"jobs"} if saw.days else {"jobs", "the day"}
    kept = [key for key in wanted | counted if key[1] not in unknown]
    differ = sorted(key for key in kept if abs(wanted[key] - counted[key]) > unsure[key])
    return [f"{', '.join(key)}: {counted[key]} counted, {wanted[key]} seen" for key in differ]


def _summary(names: Iterable[str]) -> str:
    return ", ".join(f"{times} {name}" for name, times in Counter(names).most_common())
