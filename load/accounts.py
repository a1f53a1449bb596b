"""Accounts: each orders one generation after another, of every type, and pays for what it gets."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final, NamedTuple

from httpx import AsyncClient

from cli.services import OperatorServices
from imagineart.access import consumers
from imagineart.access.limits import Limits
from imagineart.access.tokens import TokenKind
from imagineart.accounts.model import Account
from imagineart.credits.model import EntryKind
from load.images import find_fault
from load.media import FILES, OWN, laid_out

GRANTED: Final = 500
DELETED: Final = 0.15
"""The share of generations that are deleted, at any time."""

MODELS: Final = {
    "text": "text-to-text", "voice": "text-to-speech", "image": "text-to-image", "music": "text-to-music",
    "infographic": "text-to-image", "video": "text-to-video",
}  # fmt: skip
_BASE: Final = "/imaginelab/api/v1"
_SEED: Final = 7


class Customer(NamedTuple):
    """An account with an API key."""

    account: Account
    key: str

    @property
    def headers(self) -> dict[str, str]:
        """Of each of its requests."""
        return {"Authorization": f"Bearer {self.key}"}


class Bought(NamedTuple):
    """A generation; `ending` is completed, failed, deleted, unpaid, or lost."""

    kind: str
    ending: str
    cost: int = 0
    problem: str = ""


def open_accounts(services: OperatorServices, count: int) -> list[Customer]:
    """New accounts with credits."""
    opened = []
    for number in range(1, count + 1):
        account = Account(number, f"load-{number}@example.com", "", int(time.time()))
        services.accounts.add(account)
        services.consumers.add_consumer(consumers.Consumer(account.consumer_id, Limits(6_000, 4)))
        token, _ = services.manage_tokens.issue(account.consumer_id, TokenKind.PARTNER, life_days=None)
        services.credits.grant(number, GRANTED, reference="load")
        opened.append(Customer(account, token.text))
    return opened


async def buy(client: AsyncClient, buyer: Customer, ends_at: float, most: int) -> list[Bought]:
    """Order one generation after another until `ends_at`; none may take longer than `most` seconds."""
    bought, dice = list[Bought](), Random(buyer.account.id)
    while time.monotonic() < ends_at:
        kind, prompt = dice.choice([*MODELS]), f"{OWN} {dice.getrandbits(128):032x}"
        settings = {"seed": _SEED} if kind in ("image", "infographic") else {}
        order = {"generation_type": kind, "model_name": MODELS[kind], "prompt": prompt, "settings": settings}
        response = await client.post(f"{_BASE}/generations", json=order, headers=buyer.headers)
        if response.status_code != 201:
            is_refused = response.json() == {"detail": "Insufficient credits"}
            bought.append(Bought(kind, "unpaid") if is_refused else Bought(kind, "lost", 0, response.text))
            await asyncio.sleep(1)
            continue
        url = f"{_BASE}/generations/{response.json()['id']}"
        wait = dice.uniform(0, 6) if dice.random() < DELETED else most
        made = await _follow(client, url, buyer, wait)
        problem = await _check(client, made, laid_out(prompt) if kind == "infographic" else prompt)
        ending = made["status"] if made["status"] in ("completed", "failed") else "lost"
        if wait < most:
            deleted = await client.delete(url, headers=buyer.headers)
            problem = problem or ("" if deleted.status_code == 200 else deleted.text)
            ending = ending if ending == "completed" else "deleted"
        bought.append(Bought(kind, ending, made["credit_cost"], problem))
    return bought


async def _follow(client: AsyncClient, url: str, buyer: Customer, most: float) -> dict[str, Any]:
    """The generation when it has ended, or after so many seconds."""
    ends_at = time.monotonic() + most
    while True:
        made: dict[str, Any] = (await client.get(url, headers=buyer.headers)).json()
        if made["status"] in ("completed", "failed") or time.monotonic() > ends_at:
            return made
        await asyncio.sleep(0.5)


async def _check(client: AsyncClient, made: Mapping[str, Any], prompt: str) -> str:
    """What is wrong with the output of a completed generation; empty if nothing is."""
    kind = made["generation_type"]
    if made["status"] != "completed":
        return ""
    (output,) = made["outputs"]
    if kind == "text":
        return "" if output["text"] == laid_out(prompt) else f"another text: {output['text']}"
    content = (await client.get(output["url"])).content
    if output["type"] == "image":
        return find_fault(content, (1024, 1024), prompt, [], _SEED)
    return "" if content == FILES[kind]() else f"another file: {kind}, {len(content)} bytes"


async def judge_credits(
    client: AsyncClient, services: OperatorServices, bought: Mapping[Customer, Sequence[Bought]], seconds: int
) -> tuple[str, list[str]]:
    """What was bought, and each way in which a ledger differs from it, once nothing is reserved any more."""
    broken, ends_at = list[str](), time.monotonic() + seconds
    for buyer, all_of_it in bought.items():
        owner = buyer.account.id
        while services.credits.find(owner).reservations and time.monotonic() < ends_at:
            # What a killed worker left is repaired when somebody looks.
            await client.get(f"{_BASE}/auth/me", headers=buyer.headers)
            await asyncio.sleep(1)
        wallet, entries = services.credits.find(owner), [*services.wallets.entries(owner)]
        taken = -sum(each.amount for each in entries if each.kind is EntryKind.TAKEN)
        paid = sum(each.cost for each in all_of_it if each.ending == "completed")
        deleted = sum(each.cost for each in all_of_it if each.ending == "deleted")
        if wallet.reservations or wallet.balance != sum(each.amount for each in entries):
            broken.append(f"account {owner} has {wallet} and {len(entries)} entries")
        if wallet.balance != GRANTED - taken or not paid <= taken <= paid + deleted:
            broken.append(f"account {owner} paid {taken} for {paid}, and {deleted} deleted meanwhile")
        wrong = [each for each in all_of_it if each.problem or each.ending == "lost"]
        broken += [f"{each.kind}: {each.problem or each.ending}" for each in wrong]
    endings = Counter(each.ending for part in bought.values() for each in part)
    return ", ".join(f"{times} {name}" for name, times in endings.most_common()), broken
