"""The operator rotates peppers, under which tokens are stored."""

import pytest

from imagineart.domain.errors import InvalidRequestError
from imagineart.domain.tokens import TokenKind
from imagineart.use_cases.not_found import NotFoundError
from imagineart.use_cases.rotate_peppers import PepperVersion
from tests.fakes.operator_desk import OperatorDesk

each_kind = pytest.mark.parametrize("kind", TokenKind)


@pytest.fixture
def desk() -> OperatorDesk:
    return OperatorDesk()


@each_kind
def test_a_rotation_invalidates_nothing(desk: OperatorDesk, kind: TokenKind) -> None:
    before = desk.issue(kind=kind)
    assert desk.rotate_peppers.rotate() == "2"
    after = desk.issue(kind=kind)
    assert {desk.enter(token).token_id for token in (before, after)} == {before.id, after.id}
    assert [desk.manage_tokens.find(token.id).pepper_version for token in (before, after)] == ["1", "2"]


def test_every_rotation_makes_a_strong_key_of_its_own(desk: OperatorDesk) -> None:
    assert [desk.rotate_peppers.rotate() for _ in range(3)] == ["2", "3", "4"]
    keys = dict(desk.peppers.keys.keys_by_version)
    assert keys.pop("1") == "salt and pepper"
    assert len(set(keys.values())) == 3
    assert {len(key) for key in keys.values()} == {43}


def test_versions_that_a_hand_has_named_are_left_alone(desk: OperatorDesk) -> None:
    desk.peppers.keys.keys_by_version.update({"summer": "a", "10": "b", "²": "c"})
    assert desk.rotate_peppers.rotate() == "11"
    assert [each.version for each in desk.rotate_peppers.list()] == ["summer", "²", "1", "10", "11"]


def test_the_list_tells_how_many_live_tokens_need_each(desk: OperatorDesk) -> None:
    desk.issue()
    desk.issue(life_days=1)
    desk.manage_tokens.revoke(desk.issue(kind=TokenKind.INTERNAL).id)
    desk.rotate_peppers.rotate()
    desk.issue(kind=TokenKind.INTERNAL)
    assert desk.rotate_peppers.list() == [PepperVersion("1", False, 2), PepperVersion("2", True, 1)]
    desk.clock.advance(91 * 86_400)
    assert desk.rotate_peppers.list() == [PepperVersion("1", False, 1), PepperVersion("2", True, 1)]


def test_a_retired_pepper_is_gone_and_the_others_work_on(desk: OperatorDesk) -> None:
    desk.rotate_peppers.rotate()
    token = desk.issue()
    desk.rotate_peppers.retire("1")
    assert desk.rotate_peppers.list() == [PepperVersion("2", True, 1)]
    assert desk.enter(token)


@each_kind
def test_a_pepper_that_live_tokens_need_stays_and_they_are_named(desk: OperatorDesk, kind: TokenKind) -> None:
    token = desk.issue(kind=kind)
    desk.rotate_peppers.rotate()
    for refuse in (desk.rotate_peppers.retire, desk.rotate_peppers.require_unused):
        with pytest.raises(InvalidRequestError, match=f"^pepper: got '1', under which .*: {token.id}[.]$"):
            refuse("1")
    assert desk.enter(token)
    desk.manage_tokens.revoke(token.id)
    desk.rotate_peppers.retire("1")
    assert [each.version for each in desk.rotate_peppers.list()] == ["2"]


def test_a_token_that_is_due_needs_its_pepper_still(desk: OperatorDesk) -> None:
    desk.issue()
    desk.rotate_peppers.rotate()
    desk.clock.advance(91 * 86_400)
    with pytest.raises(InvalidRequestError):
        desk.rotate_peppers.retire("1")


def test_of_many_tokens_in_the_way_ten_are_named(desk: OperatorDesk) -> None:
    for _ in range(12):
        desk.issue()
    desk.rotate_peppers.rotate()
    with pytest.raises(InvalidRequestError, match=r"(p\w{15}, ){9}p\w{15} and 2 more[.]$"):
        desk.rotate_peppers.retire("1")


def test_the_current_pepper_is_not_retired(desk: OperatorDesk) -> None:
    with pytest.raises(InvalidRequestError, match=r"^pepper: got '1', which is the current one"):
        desk.rotate_peppers.retire("1")
    assert desk.rotate_peppers.list() == [PepperVersion("1", True, 0)]


@pytest.mark.parametrize("version", ["2", "", "current"])
def test_an_unknown_pepper_is_not_found(desk: OperatorDesk, version: str) -> None:
    with pytest.raises(NotFoundError, match=f"^pepper: got '{version}', which does not exist"):
        desk.rotate_peppers.retire(version)
