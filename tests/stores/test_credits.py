"""Credits: each change takes effect once, whatever is repeated, raced or crashes, and none is spent twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from imagineart.aws import AwsClients
from imagineart.credits.change_credits import Credits
from imagineart.credits.model import (
    MAX_RESERVATIONS,
    EntryKind,
    InsufficientCreditsError,
    TooManyReservationsError,
)
from imagineart.credits.wallet_store import WalletStore
from imagineart.dynamodb import ConditionFailed, DynamoDbTable, Item
from imagineart.errors import InvalidRequestError
from tests.stores.tables import new_table

NOW = 1_800_000_000
accounts = count(1)
SOME_STEPS = settings(
    max_examples=6, stateful_step_count=20, deadline=None, derandomize=True, database=None, print_blob=False
)


class Crash(BaseException):
    """The function ended before or after a write."""


class CrashingTable(DynamoDbTable):
    """A table whose caller crashes at the write that is counted down to."""

    __slots__ = ()
    crash_at: ClassVar[list[int]] = []

    def _write(self, operation: str, key: Item, **parameters: Any) -> dict[str, Any] | ConditionFailed:
        if self.crash_at:
            self.crash_at[0] -= 1
            if self.crash_at[0] == 0:
                self.crash_at.clear()
                raise Crash
        return super()._write(operation, key, **parameters)


@pytest.fixture
def table(aws: AwsClients) -> DynamoDbTable:
    return new_table(aws, "CreditsTable")


@pytest.fixture
def credits(table: DynamoDbTable) -> Credits:
    return Credits(WalletStore(table), lambda: NOW)


def ledger(credits: Credits, account_id: int) -> dict[str, tuple[str, int]]:
    assert isinstance(credits.wallets, WalletStore)
    return {each.reference: (each.kind, each.amount) for each in credits.wallets.entries(account_id)}


def test_a_wallet_of_150_credits_pays_for_150_of_a_thousand_racing_generations(credits: Credits) -> None:
    credits.grant(7, 150, reference="a")

    def reserve(number: int) -> bool:
        try:
            credits.reserve(7, f"g{number}", 1)
        except InsufficientCreditsError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(reserve, range(1000))) == 150
    wallet = credits.find(7)
    assert (wallet.balance, sum(wallet.reservations.values())) == (0, 150)


def test_racing_calls_settle_a_generation_once_and_grant_once(credits: Credits) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: credits.grant(7, 10, reference="a"), range(12)))
        assert credits.find(7).balance == 10
        credits.reserve(7, "g", 4)
        acts: list[Callable[[int, str], None]] = [credits.take, credits.give_back] * 6
        list(pool.map(lambda act: act(7, "g"), acts))
        list(pool.map(lambda number: credits.grant(7, 1, reference=f"b{number}"), range(8)))
    wallet, entries = credits.find(7), ledger(credits, 7)
    assert wallet.balance == 18 + entries["generation#g"][1]
    assert (wallet.reservations, wallet.applying) == ({}, {})
    assert sum(amount for _, amount in entries.values()) == wallet.balance


def test_what_comes_first_decides_how_a_generation_ends(credits: Credits) -> None:
    credits.grant(7, 10, reference="a")
    credits.reserve(7, "taken", 3)
    credits.reserve(7, "back", 5)
    credits.take(7, "taken")
    credits.give_back(7, "taken")
    credits.give_back(7, "back")
    credits.take(7, "back")
    credits.reserve(7, "back", 5)
    assert credits.find(7).balance == 7
    assert ledger(credits, 7) == {
        "a": ("granted", 10),
        "generation#taken": ("taken", -3),
        "generation#back": ("given_back", 0),
    }


def test_a_crash_after_the_entry_changes_nothing_of_what_it_says(table: DynamoDbTable) -> None:
    crashing = CrashingTable(table.clients, table.name)
    credits = Credits(WalletStore(crashing), lambda: NOW)
    credits.grant(7, 10, reference="a")
    credits.reserve(7, "g", 4)
    crashing.crash_at[:] = [2]
    with pytest.raises(Crash):
        credits.take(7, "g")
    credits.give_back(7, "g")
    assert (credits.find(7).balance, credits.find(7).reservations) == (6, {})


def test_two_hundred_generations_of_an_account_may_be_in_progress(
    credits: Credits, table: DynamoDbTable
) -> None:
    credits.grant(7, 1000, reference="a")
    (wallet,) = [item for item in table.pages("scan") if item["key"]["S"] == "wallet"]
    reserved = {f"g{number}": {"N": "1"} for number in range(MAX_RESERVATIONS - 1)}
    table.call("put_item", Item=wallet | {"reserved": {"M": reserved}})
    credits.reserve(7, "last", 1)
    with pytest.raises(TooManyReservationsError):
        credits.reserve(7, "one-more", 1)
    credits.take(7, "g0")
    credits.reserve(7, "one-more", 1)


def test_a_refund_takes_back_what_is_left_and_no_more(credits: Credits) -> None:
    credits.grant(7, 10, reference="a")
    credits.reserve(7, "g", 4)
    for _ in range(2):
        assert credits.revoke(7, 10, reference="refund").amount == -6
    assert (credits.find(7).balance, ledger(credits, 7)["refund"]) == (0, (EntryKind.REVOKED, -6))
    credits.give_back(7, "g")
    assert credits.find(7).balance == 4
    assert credits.revoke(8, 10, reference="refund").amount == 0


def test_an_amount_out_of_bounds_is_refused_by_name(credits: Credits) -> None:
    for amount in (0, -1, 1_000_000_001):
        with pytest.raises(InvalidRequestError, match=f"^amount: got {amount}; allowed: 1 to 1000000000"):
            credits.grant(7, amount, reference="a")


def test_erasing_leaves_nothing_and_touches_no_other_account(credits: Credits, table: DynamoDbTable) -> None:
    for account_id in (7, 77):
        credits.grant(account_id, 10, reference="a")
        credits.reserve(account_id, "g", 4)
    credits.erase(7)
    assert {item["account_id"]["S"] for item in table.pages("scan")} == {"77"}
    credits.take(7, "g")
    assert ledger(credits, 7) == {}


class CreditsInAnyOrder(RuleBasedStateMachine):
    """One account, whose changes come in any order, come again, and crash at any write."""

    def __init__(self, table: CrashingTable) -> None:
        super().__init__()
        self.table = table
        self.credits = Credits(WalletStore(table), lambda: NOW)
        self.id = next(accounts)
        self.granted: dict[str, int] = {}
        self.reserved: dict[str, int] = {}
        self.ended: dict[str, EntryKind] = {}

    def attempt(self, crash_at: int, act: Callable[[], object]) -> None:
        """Do it, crash amid it, and do it again."""
        self.table.crash_at[:] = [crash_at] if crash_at else []
        try:
            act()
        except Crash:
            act()
        self.table.crash_at.clear()

    @rule(name=st.sampled_from("abcd"), amount=st.integers(1, 9), crash_at=st.integers(0, 4))
    def grant(self, name: str, amount: int, crash_at: int) -> None:
        self.attempt(crash_at, lambda: self.credits.grant(self.id, amount, reference=name))
        self.granted.setdefault(name, amount)

    @rule(name=st.sampled_from("uvwxyz"), amount=st.integers(1, 9), crash_at=st.integers(0, 1))
    def reserve(self, name: str, amount: int, crash_at: int) -> None:
        is_known = name in self.reserved
        has_enough = amount <= self.balance
        try:
            self.attempt(crash_at, lambda: self.credits.reserve(self.id, name, amount))
        except InsufficientCreditsError:
            assert not is_known
            assert not has_enough
        else:
            assert is_known or has_enough
            self.reserved.setdefault(name, amount)

    @rule(name=st.sampled_from("uvwxyz"), takes=st.booleans(), crash_at=st.integers(0, 2))
    def end(self, name: str, takes: bool, crash_at: int) -> None:
        """Where it crashes, what comes next would end it in the other way."""
        acts = [self.credits.take, self.credits.give_back]
        kinds = [EntryKind.TAKEN, EntryKind.GIVEN_BACK]
        ways = iter([0, 1] if takes else [1, 0])
        self.attempt(crash_at, lambda: acts[next(ways)](self.id, name))
        if name in self.reserved:
            # Before the first write nothing was decided.
            decided_by_the_next = crash_at == 1
            self.ended.setdefault(name, kinds[takes if decided_by_the_next else not takes])

    @property
    def balance(self) -> int:
        held = sum(
            amount
            for name, amount in self.reserved.items()
            if self.ended.get(name) is not EntryKind.GIVEN_BACK
        )
        return sum(self.granted.values()) - held

    @invariant()
    def the_wallet_and_the_ledger_are_what_happened(self) -> None:
        wallet = self.credits.find(self.id)
        open_ones = {name: amount for name, amount in self.reserved.items() if name not in self.ended}
        assert (wallet.balance, wallet.reservations, wallet.applying) == (self.balance, open_ones, {})
        total = sum(amount for _, amount in ledger(self.credits, self.id).values())
        assert total == wallet.balance + sum(open_ones.values())


@pytest.mark.parametrize("implementation", ["moto", "dynalite"])
def test_credits_hold_in_any_order(implementation: str, request: pytest.FixtureRequest) -> None:
    table = new_table(request.getfixturevalue(implementation), "CreditsTable")
    crashing = CrashingTable(table.clients, table.name)
    run_state_machine_as_test(lambda: CreditsInAnyOrder(crashing), settings=SOME_STEPS)
