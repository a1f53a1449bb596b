"""What the template allows each function, and what the functions' calls need: both as actions on resources.

Resources are written as the template writes them, as in ``${UploadsBucket.Arn}/uploads/*``, with ``*`` for
any characters. Source: https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from local.template import load_template

_template = cache(load_template)


@dataclass(frozen=True, order=True)
class Permission:
    """An IAM action on a resource."""

    action: str
    resource: str

    def covers(self, needed: "Permission") -> bool:
        """Whether this permission allows what is needed."""
        pattern = re.escape(self.resource).replace(r"\*", ".*")
        return self.action == needed.action and re.fullmatch(pattern, needed.resource) is not None


def granted_to(function_id: str) -> set[Permission]:
    """What the policies of a function's role allow."""
    return {
        Permission(action, resource_text(resource))
        for statement in statements_of(function_id)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def role_of(function_id: str) -> dict[str, Any]:
    """The properties of a function's role."""
    template = _template()
    arn = template.resources("AWS::Serverless::Function")[function_id]["Role"]["Fn::GetAtt"]
    return template.resources("AWS::IAM::Role")[arn.removesuffix(".Arn")]


def own_statements_of(function_id: str) -> list[dict[str, Any]]:
    """What a function's role says by itself: what Lambda does in its name, and no code of ours."""
    policies = role_of(function_id)["Policies"]
    return [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]


def statements_of(function_id: str) -> list[dict[str, Any]]:
    """The statements of every policy that a function's role names: what its code does."""
    policies = _template().resources("AWS::IAM::ManagedPolicy")
    attached = role_of(function_id).get("ManagedPolicyArns", [])
    return [each for policy in attached for each in policies[policy["Ref"]]["PolicyDocument"]["Statement"]]


def resource_text(resource: Any) -> str:
    """A statement's resource as a Sub would write it. Raises TypeError for what refers to nothing."""
    match resource:
        case {"Ref": name} | {"Fn::GetAtt": name}:
            return f"${{{name}}}"
        case {"Fn::Sub": str(text)}:
            return text
    raise TypeError(f"{resource!r} is no resource of the template, by Ref, GetAtt or Sub")


def listed(value: Any) -> list[Any]:
    """What IAM takes alone or in a list, as a list."""
    return value if isinstance(value, list) else [value]
