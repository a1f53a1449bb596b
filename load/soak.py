"""The soak: a slow and faulty backend, the local stack in front of it, and many callers."""

import asyncio
import os
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

import httpx
from werkzeug import Request

from cli.deployments import local_services
from cli.services import OperatorServices
from imagineart.access import consumers
from imagineart.access.consumer_items import consumer_key, window_name
from imagineart.access.limits import Limits
from imagineart.access.tokens import TokenKind
from load.accounts import buy, judge_credits, open_accounts
from load.backend import ATTEMPT_SECONDS, WEBHOOKS, LoadBackend
from load.callers import Consumer, Seen, call, follow, found_no_slot, make_order, send, submit
from load.promises import Finding, Saw, judge
from local.chosen_models import VARIABLES, ChosenModels
from local.rough_stack import WORKER_SECONDS, running_stack
from local.wsgi_server import serving

CONSUMERS: Final = 5
JOB_SECONDS: Final = 10 * WORKER_SECONDS
"""How long the last jobs may take. One whose worker is killed comes back after two leases at most."""


class Plan(NamedTuple):
    """What to do; `faults`, `killed` and `doubled` are shares, 0 to 1.

    The first is of the backend's requests and the webhooks, the others of the messages in queues.
    """

    callers: int = 50
    accounts: int = 20
    seconds: int = 300
    jobs: int = 500
    backend_seconds: float = 2.0
    faults: float = 0.02
    killed: float = 0.03
    doubled: float = 0.05
    seed: int = 1


def soak(plan: Plan, folder: Path) -> list[Finding]:
    """Do it, with the stack's state and output in `folder`. Raises RuntimeError if it cannot be done."""
    backend = LoadBackend(plan.backend_seconds, plan.faults, plan.seed)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    with ExitStack() as running:
        url = running.enter_context(serving(Request.application(backend.respond)))
        route = f"openai-compatible {url}/v1 load response_format=png attempt={ATTEMPT_SECONDS}"
        models = folder / "models.json"
        models.write_text(ChosenModels(None, dict.fromkeys(VARIABLES, route)).text(url))
        variables = {"IMAGINEART_MODELS": str(models), "IMAGINEART_LOCAL_STATE": str(folder)}
        # Freed images go back to the system, so that memory which grows is held: docs/performance.md.
        variables |= {"MALLOC_MMAP_THRESHOLD_": "131072"}
        rough = running_stack(folder, os.environ | variables, killed=plan.killed, doubled=plan.doubled)
        stack = running.enter_context(rough)
        saw = asyncio.run(_call(plan, local_services(variables), backend, url + WEBHOOKS, stack))
    return judge(saw, backend, plan.seconds, (folder / "output").read_text())


def _register(plan: Plan, services: OperatorServices) -> list[Consumer]:
    """The consumers of the callers. The first has fewer slots than callers, so that some find none."""
    registered = []
    for number in range(min(CONSUMERS, plan.callers)):
        name, members = f"load-{number}", len(range(number, plan.callers, CONSUMERS))
        slots = 2 * members if number else max(1, members - 1)
        services.consumers.add_consumer(consumers.Consumer(name, Limits(6_000, slots, 1_000_000)))
        token, _ = services.manage_tokens.issue(name, TokenKind.PARTNER, life_days=None)
        registered.append(Consumer(name, token.text, slots))
    return registered


async def _call(
    plan: Plan, services: OperatorServices, backend: LoadBackend, webhooks: str, stack: int
) -> Saw:
    """What the callers saw, and what they saw when every slot had to be free; what is counted then."""
    seen, memory, owners, began = list[Seen](), list[float](), _register(plan, services), int(time.time())
    ends_at, limits = time.monotonic() + plan.seconds, httpx.Limits(max_connections=None, keepalive_expiry=3)
    async with httpx.AsyncClient(
        base_url=services.base_url, limits=limits, timeout=120, trust_env=False
    ) as client:
        sampling = asyncio.create_task(_sample(stack, memory, max(0.5, plan.seconds / 150)))
        async with asyncio.TaskGroup() as group:
            for number in range(plan.callers):
                owner, dice = owners[number % len(owners)], Random(f"{plan.seed} {number}")
                group.create_task(call(client, owner, dice, ends_at, seen))
            share = plan.jobs // len(owners)
            bought = {
                buyer: group.create_task(buy(client, buyer, ends_at, JOB_SECONDS))
                for buyer in open_accounts(services, plan.accounts)
            }
            jobs = [group.create_task(submit(client, each, webhooks, share, plan.seconds)) for each in owners]
        sampling.cancel()
        accepted = [each for job in jobs for each in job.result()]
        ends_at = time.monotonic() + JOB_SECONDS
        ends = [await follow(client, each, ends_at) for each in accepted if each.ending == "accepted"]
        while backend.taken < len(ends) and time.monotonic() < ends_at:
            await asyncio.sleep(1)
        # The slot of a worker that was killed is a lease.
        ends_at, probes = time.monotonic() + 2 * WORKER_SECONDS * (plan.killed > 0), list[Seen]()
        while not probes or (time.monotonic() < ends_at and any(map(found_no_slot, probes))):
            await asyncio.sleep(5 * bool(probes))
            seen += probes
            probes = [each for owner in owners for each in await _take_every_slot(client, owner)]
        got = {buyer: task.result() for buyer, task in bought.items()}
        credits = await judge_credits(client, services, got, 3 * WORKER_SECONDS)
    usage = services.report_usage.rows(consumer_id=None, first_day=None, last_day=None)
    usage = [row for row in usage if row.consumer_id in {each.id for each in owners}]
    items = {each.id: services.consumers.table.get(consumer_key(each.id)) or {} for each in owners}
    day = window_name("day", began)
    days = {owner: int(item[day]["N"]) for owner, item in items.items() if day in item}
    return Saw(seen + accepted, ends, probes, memory, usage, days, credits)


async def _take_every_slot(client: httpx.AsyncClient, owner: Consumer) -> list[Seen]:
    orders = [make_order("generation 1K", owner, Random()) for _ in range(owner.slots)]
    return await asyncio.gather(*(send(client, order) for order in orders))


async def _sample(stack: int, memory: list[float], every_seconds: float) -> None:
    """Note the resident memory of the stack's process and its children, again and again."""
    while True:
        await asyncio.sleep(every_seconds)
        listing = await asyncio.to_thread(subprocess.check_output, ["ps", "-A", "-o", "pid=,ppid=,rss="])
        rows = (map(int, line.split()) for line in listing.splitlines())
        memory.append(sum(rss for pid, parent, rss in rows if stack in (pid, parent)) / 1024)
