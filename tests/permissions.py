"""What the template allows each function, and what its calls need, both as actions on resources.

Resources are written as the template writes them, as in ``${UploadsBucket.Arn}/uploads/*``, with ``*`` for
any characters. Source: https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

import re
from collections.abc import Mapping
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
        Permission(action, resource_text(resource) + listed_prefix(statement))
        for statement in statements_of(function_id)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def statements_of(function_id: str) -> list[dict[str, Any]]:
    """The statements of every policy of a function's role."""
    template = load_template()
    arn = template.resources("AWS::Serverless::Function")[function_id]["Role"]["Fn::GetAtt"]
    role = template.resources("AWS::IAM::Role")[arn.removesuffix(".Arn")]
    policies = template.resources("AWS::IAM::ManagedPolicy")
    attached = [policies[policy["Ref"]] for policy in role.get("ManagedPolicyArns", [])]
    return [statement for policy in attached for statement in policy["PolicyDocument"]["Statement"]]


def resource_text(resource: Any) -> str:
    """A statement's resource as a Sub has it, with the defaults of parameters.

    Raises TypeError for what refers to nothing.
    """
    match resource:
        case "*":
            return "*"
        case {"Ref": name} | {"Fn::GetAtt": name}:
            return f"${{{name}}}"
        case {"Fn::Sub": str(text)}:
            for name, value in _template().default_parameters().items():
                text = text.replace(f"${{{name}}}", value)
            return text
    raise TypeError(f"{resource!r} is no resource of the template, by Ref, GetAtt or Sub")


def listed_prefix(statement: Mapping[str, Any]) -> str:
    """How a permission to list a bucket ends that holds for some keys only, as in ``?prefix=uploads/*``."""
    prefix = statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix")
    return f"?prefix={prefix}" if prefix else ""


def listed(value: Any) -> list[Any]:
    """A list, of one where IAM has a single value."""
    return value if isinstance(value, list) else [value]
