"""Versions of the models document: in memory, and in each implementation of DynamoDB."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from imagineart.aws import AwsClients
from imagineart.errors import InternalError
from imagineart.models.store import AppliedVersion, CurrentVersion, ModelStore
from tests.fakes.lossy_aws import LossyAws
from tests.fakes.models import InMemoryModels
from tests.stores.conftest import IMPLEMENTATIONS
from tests.stores.tables import new_table, variables_of

NOW = 1_800_000_000
NONE, FIRST, SECOND = CurrentVersion(), CurrentVersion(1, "first"), CurrentVersion(2, "second")

Store = ModelStore | InMemoryModels


@pytest.fixture(params=["memory", *IMPLEMENTATIONS])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return InMemoryModels()
    return ModelStore(new_table(request.getfixturevalue(request.param), "ModelsTable"))


def test_without_a_version_the_package_s_holds(store: Store) -> None:
    assert (store.current(), store.find(1), list(store.versions())) == (NONE, None, [])


def test_versions_are_kept_and_one_of_them_holds(store: Store) -> None:
    assert store.add(1, "first", now=NOW)
    assert store.add(2, "second", now=NOW + 1)
    assert store.current() == NONE
    for before, after in ((NONE, FIRST), (FIRST, SECOND), (SECOND, NONE), (NONE, FIRST)):
        assert store.move(before, after, now=NOW)
        assert store.current() == after
    assert [store.find(version) for version in (1, 2, 3)] == ["first", "second", None]
    assert sorted(store.versions(), key=lambda each: each.version) == [
        AppliedVersion(1, NOW), AppliedVersion(2, NOW + 1),
    ]  # fmt: skip


def test_a_number_is_given_to_one_document(store: Store) -> None:
    assert store.add(1, "first", now=NOW)
    assert store.add(1, "first", now=NOW)
    assert not store.add(1, "another", now=NOW)
    assert store.find(1) == "first"


def test_a_version_is_replaced_only_by_one_who_has_seen_it(store: Store) -> None:
    assert store.move(NONE, FIRST, now=NOW)
    assert not store.move(NONE, SECOND, now=NOW)
    assert store.current() == FIRST


def test_of_many_who_change_the_models_at_once_one_succeeds(aws: AwsClients) -> None:
    store = ModelStore(new_table(aws, "ModelsTable"))
    with ThreadPoolExecutor(8) as operators:
        moved = operators.map(lambda at: store.move(NONE, CurrentVersion(at, str(at)), now=NOW), range(1, 9))
    assert sorted(moved) == [False] * 7 + [True]


def test_a_change_whose_response_was_lost_is_made_once(moto: AwsClients) -> None:
    assert moto.endpoint_url
    aws = LossyAws(variables_of(moto.endpoint_url), moto.session)
    store = ModelStore(new_table(aws, "ModelsTable"))
    aws.lose("PutItem", 1, after_effect=True)
    assert store.add(1, "first", now=NOW)
    aws.lose("PutItem", 1, after_effect=True)
    assert store.move(NONE, FIRST, now=NOW)
    assert store.current() == FIRST


@pytest.mark.parametrize("edited", [{"version": {"S": "x"}}, {"document": {"N": "1"}}], ids=str)
def test_an_item_that_was_edited_into_something_else_is_our_own_failure(
    aws: AwsClients, edited: dict
) -> None:
    store = ModelStore(new_table(aws, "ModelsTable"))
    store.move(NONE, FIRST, now=NOW)
    item = store.table.get({"key": {"S": "current"}})
    assert item is not None
    store.table.call("put_item", Item=item | edited)
    with pytest.raises(InternalError):
        store.current()
