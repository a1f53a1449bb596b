"""Commands of the operator, and how they end."""

import csv
import io
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import typer

from cli.deployments import DeploymentError
from cli.failures import confirm
from imagineart.access.tokens import Scope, Token, TokenKind, parse_token
from imagineart.aws import AwsCallError
from imagineart.settings import SettingsError
from imagineart.usage.model import FinishedRequest
from tests.unit.cli.conftest import Operator

DONE, FAILED, WRONG_USE, NOT_FOUND, DECLINED = range(5)
UNKNOWN = "p000000000000000"


def token_in(text: str) -> Token:
    token = parse_token(text)
    assert token is not None
    return token


def test_a_consumer_is_created_shown_and_changed(operator: Operator) -> None:
    created = operator.document(
        "consumer", "create", "batch", "--tier", "premium", "--images-per-day", "50",
        "--models", "image-edit, text-to-image",
    )  # fmt: skip
    assert created == {
        "consumer_id": "batch", "requests_per_minute": 100, "concurrent_requests": 20, "images_per_day": 50,
        "models": ["image-edit", "text-to-image"],
    }  # fmt: skip
    changed = operator.document(
        "consumer", "update", "batch", "--no-images-per-day", "--all-models", "--concurrent-requests", "7",
    )  # fmt: skip
    assert changed == created | {"concurrent_requests": 7, "images_per_day": None, "models": None}
    assert operator.document("consumer", "describe", "batch") == changed | {"tokens": []}
    assert [each["consumer_id"] for each in operator.document("consumer", "list")["consumers"]] == [
        "acme", "batch",
    ]  # fmt: skip


def test_a_consumer_is_described_with_its_tokens(operator: Operator) -> None:
    token = operator.services.issue(scopes=frozenset({Scope.READ_MODELS}))
    lines = operator.run("consumer", "describe", "acme").out.splitlines()
    assert lines[:5] == [
        "consumer           acme", "requests a minute  30", "at a time          5", "images a day       any",
        "models             all",
    ]  # fmt: skip
    assert lines[-1] == (
        f"{token.id}  acme      DynamoDB  models:read  2027-01-15  2027-04-15  never    never      live"
    )


@pytest.mark.parametrize(
    ("options", "kind"), [([], TokenKind.PARTNER), (["--internal"], TokenKind.INTERNAL)], ids=["p", "i"]
)
def test_a_token_is_shown_once_and_alone_on_stdout(
    operator: Operator, options: list[str], kind: TokenKind
) -> None:
    ended = operator.run("token", "create", "acme", *options)
    token = token_in(ended.out.removesuffix("\n"))
    assert token.kind is kind
    assert operator.services.authenticate(token)
    assert token.secret not in ended.err
    assert f"Token {token.id} of acme; rotate it by 2027-04-15. Shown only now:" in ended.err
    for shown in (
        operator.run("token", "list"), operator.run("token", "describe", token.id),
        operator.run("consumer", "describe", "acme"), operator.run("token", "list", "--json"),
    ):  # fmt: skip
        assert token.id in shown.out
        assert token.secret not in shown.out + shown.err


def test_a_new_token_is_shown_with_its_values_as_json(operator: Operator) -> None:
    document = operator.document(
        "token", "create", "acme", "--scopes", "models:read, images:edit", "--expires-in-days", "30"
    )
    token = token_in(document.pop("token"))
    assert document == {
        "token_id": token.id,
        "consumer_id": "acme",
        "kind": "partner",
        "scopes": ["images:edit", "models:read"],
        "created_at": "2027-01-15T08:00:00Z",
        "rotation_due_at": "2027-04-15T08:00:00Z",
        "expires_at": "2027-02-14T08:00:00Z",
        "revoked_at": None,
        "last_used_on": None,
        "pepper_version": "1",
        "state": "live",
    }
    assert operator.document("token", "describe", token.id) == document
    assert operator.document("token", "list") == {"tokens": [document]}


def test_tokens_are_listed_by_consumer_and_by_what_is_due(operator: Operator) -> None:
    old = operator.services.issue()
    operator.services.clock.advance(91 * 86_400)
    operator.run("consumer", "create", "other")
    new, others = operator.services.issue(), operator.services.issue("other")

    def listed(*options: str) -> set[str]:
        return {each["token_id"] for each in operator.document("token", "list", *options)["tokens"]}

    assert listed() == {old.id, new.id, others.id}
    assert listed("--consumer", "acme") == {old.id, new.id}
    assert listed("--due") == {old.id}
    assert listed("--due", "--consumer", "other") == set()
    assert operator.run("token", "list", "--due").out.splitlines()[1].endswith("  due")


def test_a_rotation_shows_the_new_token_and_when_the_old_one_ends(operator: Operator) -> None:
    old = operator.services.issue()
    ended = operator.run("token", "rotate", old.id)
    new = token_in(ended.out.removesuffix("\n"))
    assert f"Token {old.id} stays valid until 2027-01-22; deploy the new one before that day." in ended.err
    assert operator.services.authenticate(old)
    assert operator.services.authenticate(new)
    document = operator.document("token", "rotate", new.id, "--overlap-days", "1")
    assert token_in(document["token"]).id == document["token_id"]
    assert (document["replaces"]["token_id"], document["replaces"]["expires_at"]) == (
        new.id, "2027-01-16T08:00:00Z",
    )  # fmt: skip
    assert "token" not in document["replaces"]


DESTRUCTIVE = [
    ("token revoke TOKEN", "revoked_at"),
    ("token expire TOKEN --in-days 3", "expires_at"),
    ("token rotate TOKEN --overlap-days 0", "revoked_at"),
    ("consumer revoke-tokens acme", "revoked_at"),
]


@pytest.mark.parametrize(("command", "attribute"), DESTRUCTIVE)
@pytest.mark.parametrize("reply", ["", "\n", "n\n", "nope\n", "yesterday\n"])
def test_a_command_without_a_confirmation_does_nothing(
    operator: Operator, command: str, attribute: str, reply: str
) -> None:
    token = operator.services.issue()
    ended = operator.run(*command.replace("TOKEN", token.id).split(), reply=reply)
    assert (ended.code, ended.out) == (DECLINED, "")
    assert "This cannot be undone. [y/N]" in ended.err
    assert "Declined; nothing was changed." in ended.err
    (held,) = operator.services.manage_tokens.list()
    assert getattr(held, attribute) is None


@pytest.mark.parametrize(("command", "attribute"), DESTRUCTIVE)
@pytest.mark.parametrize("consent", ["y\n", "YES\n", "--yes"])
def test_a_confirmed_command_is_done(operator: Operator, command: str, attribute: str, consent: str) -> None:
    token = operator.services.issue()
    arguments = command.replace("TOKEN", token.id).split()
    if consent == "--yes":
        ended = operator.run(*arguments, consent)
        assert "[y/N]" not in ended.err
    else:
        ended = operator.run(*arguments, reply=consent)
    assert ended.code == DONE
    assert getattr(operator.services.manage_tokens.find(token.id), attribute) is not None


def test_a_reply_that_cannot_be_read_confirms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with io.TextIOWrapper(io.BytesIO(b"\xff\n"), "utf-8") as garbage:
        for stdin in (None, garbage, closed_stream()):
            monkeypatch.setattr(sys, "stdin", stdin)
            with pytest.raises(typer.Exit) as ended:
                confirm("Revoke everything?", yes=False)
            assert ended.value.exit_code == DECLINED
    confirm("Revoke everything?", yes=True)


def closed_stream() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


def test_revoking_all_shows_what_was_revoked(operator: Operator) -> None:
    token = operator.services.issue()
    assert operator.run("consumer", "revoke-tokens", "acme", "--yes").out.splitlines() == [
        f"Token {token.id} of acme is revoked.", "Revoked 1 token of acme.",
    ]  # fmt: skip
    assert operator.document("consumer", "revoke-tokens", "acme", "--yes") == {"revoked": []}


def test_peppers_are_listed_rotated_and_retired_without_their_keys(operator: Operator) -> None:
    token = operator.services.issue()
    assert operator.run("pepper", "rotate").out.startswith("Pepper 2 is current")
    assert operator.document("pepper", "rotate") == {"version": "3", "is_current": True}
    listed = operator.run("pepper", "list", "--json")
    assert listed.document == {
        "peppers": [
            {"version": "1", "is_current": False, "live_tokens": 1},
            {"version": "2", "is_current": False, "live_tokens": 0},
            {"version": "3", "is_current": True, "live_tokens": 0},
        ]
    }
    assert operator.run("pepper", "list").out.splitlines()[1] == "      1  no                 1"
    for key in operator.services.peppers.keys.keys_by_version.values():
        assert key not in listed.out + listed.err
    refused = operator.run("pepper", "retire", "1", "--yes")
    assert (refused.code, token.id in refused.err) == (WRONG_USE, True)
    assert operator.run("pepper", "retire", "2").code == DECLINED
    assert operator.document("pepper", "retire", "2", "--yes") == {"version": "2", "is_retired": True}
    assert [each["version"] for each in operator.document("pepper", "list")["peppers"]] == ["1", "3"]


def test_peppers_that_no_live_token_needs_are_pruned_after_a_confirmation(operator: Operator) -> None:
    assert operator.document("pepper", "prune") == {"retired": []}
    operator.services.issue()
    for _ in range(3):
        operator.run("pepper", "rotate")
    declined = operator.run("pepper", "prune", reply="n\n")
    assert (declined.code, "Retire 2, 3?" in declined.err) == (DECLINED, True)
    assert operator.run("pepper", "prune", "--yes").out == "Retired 2, 3.\n"
    assert operator.run("pepper", "prune").out == "Retired nothing.\n"
    assert [each["version"] for each in operator.document("pepper", "list")["peppers"]] == ["1", "4"]


def count_usage(operator: Operator) -> None:
    at = datetime(2027, 1, 15, 7, tzinfo=UTC).timestamp()
    for seconds in (0.05, 4.0, 400.0):
        operator.services.usage.count(
            FinishedRequest(f"request {seconds}", "acme", "text-to-image", "2K", "ok", 1, seconds, at)
        )
    operator.services.usage.count(
        FinishedRequest("another", "acme", "models", "-", "invalid_request", 0, 0.2, at - 86_400)
    )


def test_usage_is_the_same_as_json_and_as_csv(operator: Operator) -> None:
    count_usage(operator)
    rows = operator.document("usage", "show")["usage"]
    assert rows == [
        {"consumer_id": "acme", "day": "2027-01-14", "model": "models", "resolution": None,
         "outcome": "invalid_request", "requests": 1, "images": 0, "mean_seconds": 0.2,
         "p50_seconds_at_most": 0.5, "p95_seconds_at_most": 0.5},
        {"consumer_id": "acme", "day": "2027-01-15", "model": "text-to-image", "resolution": "2K",
         "outcome": "ok", "requests": 3, "images": 3, "mean_seconds": 134.683,
         "p50_seconds_at_most": 5, "p95_seconds_at_most": None},
    ]  # fmt: skip
    text = operator.run("usage", "show", "--csv").out
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    assert read == [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in rows
    ]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("consumer create acme", "'acme', which exists already"),
        ("consumer create Capital", "got 'Capital'; allowed: 1 to 63"),
        ("consumer create b --tier gold", "got 'gold'; allowed: free, basic, premium"),
        ("consumer create b --requests-per-minute 0", "got 0; allowed: 1 to"),
        ("consumer create b --requests-per-minute many", "unable to parse string as an integer"),
        ("consumer create b --models [red]x", "got '[red]x'; allowed: text-to-image, image-edit"),
        ("consumer create b --models ,", "models: got none"),
        ("consumer update acme", "nothing to change"),
        ("consumer update acme --models image-edit --all-models", "give one of them"),
        ("consumer update acme --images-per-day 5 --no-images-per-day", "give one of them"),
        ("token create acme --expires-in-days 0", "got 0; allowed: 1 to 3650"),
        ("token create acme --expires-in-days -1", "got -1; allowed: 1 to 3650"),
        ("token create acme --scopes images:steal", "got 'images:steal'; allowed: images:generate,"),
        ("token create acme --scopes ,", "scopes: got none"),
        ("token expire TOKEN --in-days 0 --yes", "got 0; allowed: 1 to 3650"),
        ("token expire TOKEN --in-days 99999999999999999999999999 --yes", "allowed: 1 to 3650"),
        ("token expire TOKEN", "Missing option"),
        ("token rotate TOKEN --overlap-days -1", "got -1; allowed: 0 to 90"),
        ("token rotate REVOKED", "which is revoked already"),
        ("token create", "Missing argument"),
        ("token melt", "No such command"),
        ("token list --colour", "No such option"),
        ("pepper retire 1 --yes", "which is the current one"),
        ("usage show --from 2027-02-30", "does not match"),
        ("usage show --from 20270101", "does not match"),
        ("usage show --from 2027-01-02 --to 2027-01-01", "got 2027-01-01; allowed: days from 2027-01-02"),
        ("usage show --csv --json", "give one of them"),
        ("models check nowhere.json", "'nowhere.json' does not exist"),
        ("models apply nowhere.json", "'nowhere.json' does not exist"),
        ("models rollback first", "unable to parse string as an integer"),
        ("consumer describe \x1b[31m", r"got '\x1b[31m'; allowed: 1"),
        ("usage show --consumer A!", "got 'A!'; allowed: 1"),
    ],
)
def test_wrong_use_is_reported_and_changes_nothing(operator: Operator, command: str, message: str) -> None:
    token, revoked = operator.services.issue(), operator.services.issue()
    operator.services.manage_tokens.revoke(revoked.id)
    before = operator.services.manage_tokens.list(), operator.services.manage_consumers.list()
    ended = operator.run(*command.replace("TOKEN", token.id).replace("REVOKED", revoked.id).split(" "))
    assert (ended.code, ended.out) == (WRONG_USE, "")
    assert message in " ".join(ended.err.replace("│", " ").split())
    assert (operator.services.manage_tokens.list(), operator.services.manage_consumers.list()) == before


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("consumer describe nobody", "consumer: got 'nobody', which does not exist"),
        ("consumer update nobody --tier free", "consumer: got 'nobody'"),
        ("consumer revoke-tokens nobody", "consumer: got 'nobody'"),
        ("token create nobody", "consumer: got 'nobody'"),
        ("token list --consumer nobody", "consumer: got 'nobody'"),
        (f"token describe {UNKNOWN}", f"token: got '{UNKNOWN}', which does not exist"),
        (f"token revoke {UNKNOWN}", f"token: got '{UNKNOWN}'"),
        (f"token rotate {UNKNOWN}", f"token: got '{UNKNOWN}'"),
        (f"token rotate {UNKNOWN} --overlap-days 0", f"token: got '{UNKNOWN}'"),
        (f"token expire {UNKNOWN} --in-days 3", f"token: got '{UNKNOWN}'"),
        ("token describe [/red]", "token: got '[/red]'"),
        ("token revoke ../../x", "token: got '../../x'"),
        ("pepper retire 7", "pepper: got '7', which does not exist"),
        ("usage show --consumer nobody", "consumer: got 'nobody'"),
        ("models rollback 7", "version: got '7', which does not exist"),
        ("models rollback", "version: got '-1', which does not exist"),
    ],
)
def test_what_does_not_exist_is_reported_before_a_confirmation(
    operator: Operator, command: str, message: str
) -> None:
    ended = operator.run(*command.split())
    assert (ended.code, ended.out) == (NOT_FOUND, "")
    assert ended.err.startswith(message)
    assert "[y/N]" not in ended.err


@pytest.mark.parametrize(
    "error",
    [
        DeploymentError("the reason"), SettingsError("the reason"),
        AwsCallError("AccessDeniedException", detail="the reason"),
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize(
    "command",
    ["consumer list", "token list --json", "token create acme", f"token revoke {UNKNOWN} --yes",
     "pepper rotate", "usage show --csv", "models history"],
)  # fmt: skip
def test_a_deployment_that_fails_is_reported(
    operator: Operator, break_deployment: Callable[[Exception], None], command: str, error: Exception
) -> None:
    break_deployment(error)
    ended = operator.run(*command.split())
    assert (ended.code, ended.out) == (FAILED, "")
    assert "the reason" in ended.err


@pytest.mark.parametrize("command", ["", "consumer", "models", "token", "pepper", "usage", "token rotate"])
def test_help_needs_no_deployment(
    operator: Operator, break_deployment: Callable[[Exception], None], command: str
) -> None:
    break_deployment(DeploymentError("there is none"))
    ended = operator.run(*command.split(), "--help")
    assert ended.code == DONE
    assert "Usage:" in ended.out


def test_help_has_the_exit_codes(operator: Operator) -> None:
    shown = " ".join(operator.run("--help").out.split())
    assert re.search(r"Exit codes: 0 done; 1 .*; 2 .*; 3 .*; 4 not confirmed", shown)
