"""The operator rotates, retires and prunes peppers, under which tokens are stored."""

import pytest

from imagineart.access.rotate_peppers import PepperVersion
from imagineart.access.tokens import TokenKind
from imagineart.errors import InvalidRequestError
from tests.fakes.operator_services import OperatorInMemory

each_kind = pytest.mark.parametrize("kind", TokenKind)


@pytest.fixture
def operator() -> OperatorInMemory:
    return OperatorInMemory()


@each_kind
def test_a_rotation_invalidates_nothing(operator: OperatorInMemory, kind: TokenKind) -> None:
    before = operator.issue(kind=kind)
    assert operator.rotate_peppers.rotate() == "2"
    after = operator.issue(kind=kind)
    assert {operator.authenticate(token).token_id for token in (before, after)} == {before.id, after.id}
    assert [operator.manage_tokens.find(token.id).pepper_version for token in (before, after)] == ["1", "2"]


def test_versions_that_an_operator_has_named_are_kept(operator: OperatorInMemory) -> None:
    operator.peppers.keys.keys_by_version.update({"summer": "a", "10": "b", "²": "c"})
    assert operator.rotate_peppers.rotate() == "11"
    assert [each.version for each in operator.rotate_peppers.list()] == ["summer", "²", "1", "10", "11"]


def test_the_list_has_the_number_of_live_tokens_that_need_each(operator: OperatorInMemory) -> None:
    operator.issue()
    operator.issue(life_days=1)
    operator.manage_tokens.revoke(operator.issue(kind=TokenKind.INTERNAL).id)
    operator.rotate_peppers.rotate()
    operator.issue(kind=TokenKind.INTERNAL)
    assert operator.rotate_peppers.list() == [PepperVersion("1", False, 2), PepperVersion("2", True, 1)]
    operator.clock.advance(91 * 86_400)
    assert operator.rotate_peppers.list() == [PepperVersion("1", False, 1), PepperVersion("2", True, 1)]


@each_kind
def test_a_pepper_that_live_tokens_need_stays_and_they_are_named(
    operator: OperatorInMemory, kind: TokenKind
) -> None:
    token = operator.issue(kind=kind)
    operator.rotate_peppers.rotate()
    for refuse in (operator.rotate_peppers.retire, operator.rotate_peppers.require_unused):
        with pytest.raises(InvalidRequestError, match=f"^pepper: got '1', under which .*: {token.id}[.]$"):
            refuse("1")
    assert operator.authenticate(token)
    operator.manage_tokens.revoke(token.id)
    operator.rotate_peppers.retire("1")
    assert [each.version for each in operator.rotate_peppers.list()] == ["2"]


def test_of_many_tokens_that_need_a_pepper_ten_are_named(operator: OperatorInMemory) -> None:
    for _ in range(12):
        operator.issue()
    operator.rotate_peppers.rotate()
    with pytest.raises(InvalidRequestError, match=r"(p\w{15}, ){9}p\w{15} and 2 more[.]$"):
        operator.rotate_peppers.retire("1")


@each_kind
def test_pruning_deletes_every_pepper_that_no_live_token_needs(
    operator: OperatorInMemory, kind: TokenKind
) -> None:
    assert operator.rotate_peppers.prune() == ()
    token = operator.issue(kind=kind)
    for _ in range(3):
        operator.rotate_peppers.rotate()
    operator.manage_tokens.revoke(operator.issue(kind=kind).id)
    assert operator.rotate_peppers.unused() == ("2", "3")
    assert operator.rotate_peppers.prune() == ("2", "3")
    assert [each.version for each in operator.rotate_peppers.list()] == ["1", "4"]
    assert operator.authenticate(token)
