"""E9103: what is allowed is allowed by name, or says why it is not."""

from collections.abc import Iterator
from typing import Any, Final

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from tooling.template_reading import listed, properties_of, resources_of, statements_of, texts_in

REASONS: Final = "WildcardReasons"
"""In a resource's Metadata: for each statement with a wildcard, by its Sid, why it has to be."""

MIN_REASON_CHARACTERS: Final = 30
_POLICIES: Final = ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::Role")


class LeastPrivilege(CloudFormationLintRule):  # type: ignore[misc]
    """A wildcard grants what nobody thought of."""

    id = "E9103"
    shortdesc = "Policies name actions, and resources or the reason for a wildcard"
    description = f"Reasons stand in Metadata, {REASONS}, by the statement's Sid"
    source_url = "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"
    tags = ("resources", "iam")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """A match for every action with a wildcard, resource with an unexplained one, and idle reason."""
        matches = []
        for kind in _POLICIES:
            for name, resource in resources_of(cfn.template, kind).items():
                reasons = (resource.get("Metadata") or {}).get(REASONS, {})
                used = set()
                for path, statement in statements_of(resource):
                    sid = statement.get("Sid")
                    if "NotAction" in statement or "NotResource" in statement:
                        matches.append(
                            _match(name, path, f"{sid}: NotAction and NotResource grant the unknown")
                        )
                    if any("*" in str(action) for action in listed(statement.get("Action"))):
                        matches.append(_match(name, path, f"{sid}: an action has a wildcard"))
                    if any(_reaches_further(text) for text in _resources(statement)):
                        used.add(sid)
                        if len(reasons.get(sid, "")) < MIN_REASON_CHARACTERS:
                            matches.append(
                                _match(name, path, f"{sid}: the wildcard in Resource has no reason")
                            )
                matches += [
                    _match(name, ["Metadata", REASONS], f"{sid}: a reason for no wildcard")
                    for sid in reasons.keys() - used
                ]
                if kind != "AWS::IAM::Role" and not properties_of(resource).get("Description"):
                    matches.append(_match(name, [], "the policy does not say what it is for"))
        return matches


def _match(name: str, path: list[Any], message: str) -> RuleMatch:
    return RuleMatch(["Resources", name, *path], f"{name}: {message}")


def _resources(statement: dict[str, Any]) -> Iterator[str]:
    yield from texts_in(statement.get("Resource"))


def _reaches_further(text: str) -> bool:
    """Whether a wildcard reaches beyond the objects below a prefix of a bucket of the template."""
    bucket, _, key = text.partition(".Arn}/")
    own_objects = bool(key) and bucket.startswith("${") and key.endswith("/*") and "*" not in key[:-1]
    return "*" in text and not own_objects
