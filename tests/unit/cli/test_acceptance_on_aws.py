"""What the acceptance test does to an alarm and to a stack on AWS, and how it leaves them."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from cli.acceptance.aws_checks import move_an_alias, send_an_alarm
from cli.acceptance.model import Subject, Verdict

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"


@dataclass
class Account:
    """CloudFormation, Lambda, CloudWatch and SNS of an account with one stack."""

    alarm: str = "OK"
    summary: str = f"Successfully executed action {TOPIC}"
    history: list[dict[str, Any]] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=lambda: {"StageName": "prod", "LogLevel": "INFO"})
    status: str = "CREATE_COMPLETE"
    version: int = 3
    moves_the_alias: bool = True
    rolls_back: bool = False
    is_interrupted: bool = False

    @property
    def subject(self) -> Subject:
        session = SimpleNamespace(client=lambda service, endpoint_url: self)
        services: Any = SimpleNamespace(clients=SimpleNamespace(session=session, endpoint_url=None))
        return Subject(services, "ours", "acceptance", httpx.Client())

    def describe_alarms(self, **_: Any) -> Any:
        return {"MetricAlarms": [{"AlarmName": "a", "StateValue": self.alarm, "AlarmActions": [TOPIC]}]}

    def list_subscriptions_by_topic(self, **_: Any) -> Any:
        arns = {"a@example.com": f"{TOPIC}:1", "b@example.com": "PendingConfirmation"}
        return {"Subscriptions": [{"Endpoint": each, "SubscriptionArn": arn} for each, arn in arns.items()]}

    def describe_alarm_history(self, **_: Any) -> Any:
        return {"AlarmHistoryItems": list(self.history)}

    def set_alarm_state(self, **change: str) -> None:
        self.alarm = change["StateValue"]
        self.history.append({"Timestamp": len(self.history), "HistorySummary": self.summary})

    def describe_stacks(self, **_: Any) -> Any:
        if self.status == "UPDATE_IN_PROGRESS":
            self.status = "UPDATE_ROLLBACK_COMPLETE" if self.rolls_back else "UPDATE_COMPLETE"
            if self.is_interrupted:
                self.is_interrupted = False
                raise KeyboardInterrupt
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()]
        return {"Stacks": [{"StackStatus": self.status, "Parameters": given}]}

    def update_stack(self, **update: Any) -> None:
        assert update["UsePreviousTemplate"]
        changed = {each["ParameterKey"]: each.get("ParameterValue") for each in update["Parameters"]}
        assert changed.keys() == self.parameters.keys(), "a parameter that is not named gets its default"
        self.status = "UPDATE_IN_PROGRESS"
        if not self.rolls_back and changed["LogLevel"] != self.parameters["LogLevel"]:
            self.parameters["LogLevel"] = changed["LogLevel"]
            self.version += self.moves_the_alias

    def describe_stack_resource(self, **_: Any) -> Any:
        return {"StackResourceDetail": {"PhysicalResourceId": "a-function"}}

    def get_alias(self, **_: Any) -> Any:
        return {"FunctionVersion": str(self.version)}


@pytest.mark.parametrize(
    ("summary", "verdict"),
    [(Account.summary, Verdict.HELD), ("Failed to execute action. Reason: the key", Verdict.FAILED)],
)
def test_an_alarm_is_sent_and_ends_and_what_cannot_be_sent_is_found(summary: str, verdict: Verdict) -> None:
    account = Account()
    assert "sent to a@example.com;" in send_an_alarm(account.subject).seen
    account.summary = summary
    found = send_an_alarm(account.subject)
    assert (found.verdict, account.alarm, len(account.history)) == (verdict, "OK", 4)


def test_an_alarm_that_fires_already_is_left_alone() -> None:
    account = Account(alarm="ALARM")
    assert send_an_alarm(account.subject).verdict is Verdict.NOT_SHOWN
    assert (account.alarm, account.history) == ("ALARM", [])


@pytest.mark.parametrize(
    ("account", "verdict", "seen", "version"),
    [
        (Account(), Verdict.HELD, "from version 3 to 4", 5),
        (Account(moves_the_alias=False), Verdict.FAILED, "stayed at version 3", 3),
        (Account(rolls_back=True), Verdict.FAILED, "UPDATE_ROLLBACK_COMPLETE", 3),
    ],
    ids=["moves", "stays", "rolls back"],
)
def test_a_parameter_is_changed_and_changed_back(
    account: Account, verdict: Verdict, seen: str, version: int
) -> None:
    assert move_an_alias(account.subject, is_allowed=False).verdict is Verdict.NOT_SHOWN
    assert account.version == 3
    found = move_an_alias(account.subject, is_allowed=True)
    assert (found.verdict, account.parameters["LogLevel"]) == (verdict, "INFO")
    assert seen in found.seen
    assert account.version == version


def test_after_ctrl_c_the_parameter_is_changed_back() -> None:
    account = Account(is_interrupted=True)
    with pytest.raises(KeyboardInterrupt):
        move_an_alias(account.subject, is_allowed=True)
    assert (account.parameters["LogLevel"], account.version) == ("INFO", 5)
