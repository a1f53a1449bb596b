"""An address belongs to one account, however many claim it at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from imagineart.accounts.account_store import CLAIM_SECONDS, AccountStore
from imagineart.accounts.model import Account
from imagineart.aws import AwsClients
from tests.stores.tables import new_table

NOW = 1_800_000_000
EMAIL = "ada@example.com"


@pytest.fixture
def accounts(aws: AwsClients) -> AccountStore:
    return AccountStore(new_table(aws, "AccountsTable"))


def account(number: int, email: str = EMAIL) -> Account:
    return Account(number, email, "hash", NOW)


def test_one_of_many_sign_ups_gets_an_address(accounts: AccountStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda number: accounts.claim_email(EMAIL, number, now=NOW), range(1, 9)))
    assert sum(claimed) == 1
    winner = claimed.index(True) + 1
    assert accounts.add(account(winner))
    found = accounts.find_by_email(EMAIL)
    assert found is not None
    assert found.id == winner


def test_one_of_many_takes_over_a_claim_whose_sign_up_crashed(accounts: AccountStore) -> None:
    assert accounts.claim_email(EMAIL, 1, now=NOW)
    later = NOW + CLAIM_SECONDS
    assert not accounts.claim_email(EMAIL, 2, now=later - 1)
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda number: accounts.claim_email(EMAIL, number, now=later), range(2, 10)))
    assert sum(claimed) == 1


def test_an_old_claim_of_an_account_that_exists_is_never_taken_over(accounts: AccountStore) -> None:
    accounts.claim_email(EMAIL, 1, now=NOW)
    accounts.add(account(1))
    assert not accounts.claim_email(EMAIL, 2, now=NOW + 10 * CLAIM_SECONDS)


def test_an_id_is_taken_once_and_a_removed_account_frees_its_address(accounts: AccountStore) -> None:
    accounts.claim_email(EMAIL, 1, now=NOW)
    assert accounts.add(account(1))
    assert not accounts.add(account(1, "another@example.com"))
    accounts.remove(account(1))
    assert (accounts.find(1), accounts.find_by_email(EMAIL)) == (None, None)
    assert accounts.claim_email(EMAIL, 2, now=NOW)
    accounts.remove(account(1))
    assert not accounts.claim_email(EMAIL, 3, now=NOW)
