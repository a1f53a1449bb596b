"""What CloudWatch and CloudFormation do with a deployed stack: send an alarm, move an alias."""

import time
from typing import Any, Final

from cli.acceptance.model import Finding, Subject, failed, held, not_shown
from cli.printing import print_note

_REASON: Final = "Acceptance test by the operator; nothing is wrong."
_HISTORY_READS: Final = 20
_POLL_SECONDS: Final = 3.0
_CHANGED: Final = "LogLevel"


def send_an_alarm(subject: Subject) -> Finding:
    """An alarm that fires reaches confirmed subscribers; afterwards it has the state of before."""
    if subject.stack is None:
        return not_shown("the local stack has no alarms")
    cloudwatch, name = subject.aws("cloudwatch"), f"{subject.stack}-failures"
    alarms = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    if not alarms or alarms[0]["StateValue"] == "ALARM":
        return not_shown(f"the alarm {name} {'fires already' if alarms else 'does not exist'}")
    subscribers = [each for topic in alarms[0]["AlarmActions"] for each in _confirmed(subject, topic)]
    if not subscribers:
        return failed(
            f"the alarm {name} has no confirmed subscriber",
            "Deploy with AlarmEmail, follow the link in the mail from AWS, and repeat this.",
        )
    summary = _fire(cloudwatch, alarms[0])
    if not summary.startswith("Success"):
        return failed(f"the alarm {name} was not sent: {summary}", "Check the policy and key of AlarmsTopic.")
    return held(
        f"{name} was sent to {', '.join(subscribers)}; look for a mail when it fires and when it ends"
    )


def _confirmed(subject: Subject, topic: str) -> list[str]:
    listed = subject.aws("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    return [each["Endpoint"] for each in listed if each["SubscriptionArn"].startswith("arn:")]


def _fire(cloudwatch: Any, alarm: dict[str, Any]) -> str:
    """Let an alarm fire; returns what its history says of its action."""

    def actions() -> list[dict[str, Any]]:
        found = cloudwatch.describe_alarm_history(AlarmName=alarm["AlarmName"], HistoryItemType="Action")
        items: list[dict[str, Any]] = found["AlarmHistoryItems"]
        return items

    earlier = actions()
    change = {"AlarmName": alarm["AlarmName"], "StateReason": _REASON}
    try:
        cloudwatch.set_alarm_state(StateValue="ALARM", **change)
        for _ in range(_HISTORY_READS):
            for each in actions():
                if each not in earlier:
                    return str(each["HistorySummary"])
            time.sleep(_POLL_SECONDS)
        return "its history has no action"
    finally:
        cloudwatch.set_alarm_state(StateValue=alarm["StateValue"], **change)


def move_an_alias(subject: Subject, *, is_allowed: bool) -> Finding:
    """A change of a parameter alone publishes a version and moves the alias; then it is changed back.

    The functions log more meanwhile, or less where they logged everything.
    """
    if subject.stack is None or not is_allowed:
        return not_shown("the stack is updated twice only with the option --update-stack, on AWS")
    level, first = _level(subject), _alias_version(subject)
    _start_update(subject, "INFO" if level == "DEBUG" else "DEBUG")
    try:
        status = _await_end(subject)
        second = _alias_version(subject)
    finally:
        _change_back(subject, level)
    if _level(subject) != level:
        return failed(f"{_CHANGED} could not be changed back", "Deploy the stack again.")
    if status != "UPDATE_COMPLETE":
        return failed(f"the update ended with {status}", "Read the first failure in the stack's events.")
    if first == second:
        return failed(
            f"the alias stayed at version {first} when {_CHANGED} changed",
            "VersionDescription in template.yaml must contain each parameter that the function reads.",
        )
    return held(f"the alias moved from version {first} to {second}; {_CHANGED} is what it was")


def _describe(subject: Subject) -> Any:
    return subject.aws("cloudformation").describe_stacks(StackName=subject.stack)["Stacks"][0]


def _level(subject: Subject) -> str:
    given = {each["ParameterKey"]: each["ParameterValue"] for each in _describe(subject)["Parameters"]}
    return str(given[_CHANGED])


def _alias_version(subject: Subject) -> str:
    resource = subject.aws("cloudformation").describe_stack_resource(
        StackName=subject.stack, LogicalResourceId="GenerateImageFunction"
    )
    function = resource["StackResourceDetail"]["PhysicalResourceId"]
    return str(subject.aws("lambda").get_alias(FunctionName=function, Name="live")["FunctionVersion"])


def _start_update(subject: Subject, level: str) -> None:
    names = {each["ParameterKey"] for each in _describe(subject)["Parameters"]} - {_CHANGED}
    kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in sorted(names)]
    subject.aws("cloudformation").update_stack(
        StackName=subject.stack,
        UsePreviousTemplate=True,
        Parameters=[*kept, {"ParameterKey": _CHANGED, "ParameterValue": level}],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )


def _await_end(subject: Subject) -> str:
    """The status of the stack once no update is in progress."""
    while (status := str(_describe(subject)["StackStatus"])).endswith("_IN_PROGRESS"):
        time.sleep(_POLL_SECONDS)
    return status


def _change_back(subject: Subject, level: str) -> None:
    print_note(f"{_CHANGED} is being changed back; let this finish.")
    _await_end(subject)
    # A failed update has been rolled back by CloudFormation.
    if _level(subject) != level:
        _start_update(subject, level)
        _await_end(subject)
