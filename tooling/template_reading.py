"""How a CloudFormation template, after SAM's transform, is asked about what is in it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

Resource = Mapping[str, Any]

_SUBSTITUTED: Final = re.compile(r"\$\{([^!}][^}]*)\}")


def resources_of(template: Mapping[str, Any], kind: str) -> dict[str, Resource]:
    """Every resource of a type, by logical id."""
    resources = template.get("Resources", {})
    return {name: each for name, each in resources.items() if each.get("Type") == kind}


def properties_of(resource: Resource) -> dict[str, Any]:
    """The properties, none where it has none."""
    properties: dict[str, Any] = resource.get("Properties") or {}
    return properties


def listed(value: Any) -> list[Any]:
    """What CloudFormation lets one write as a list or alone, as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def names_in(value: Any) -> Iterator[str]:
    """The names that Ref, GetAtt and Sub within `value` refer to, without attributes."""
    match value:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::GetAtt": str(name)}:
            yield name.partition(".")[0]
        case {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::Sub": str(text)}:
            yield from (name.partition(".")[0] for name in _SUBSTITUTED.findall(text))
        case {"Fn::Sub": [str(text), dict(given)]}:
            yield from (name for name in _SUBSTITUTED.findall(text) if name not in given)
            yield from names_in(given)
        case dict():
            for each in value.values():
                yield from names_in(each)
        case list():
            for each in value:
                yield from names_in(each)


def texts_in(value: Any) -> Iterator[str]:
    """Every string within `value`, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from texts_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts_in(each)


def statements_of(resource: Resource) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """The statements of a policy, or of a role's own policies, each with its path below the resource."""
    properties = properties_of(resource)
    documents: list[tuple[list[Any], Any]] = [
        (["Properties", "PolicyDocument"], properties.get("PolicyDocument", {}))
    ]
    for index, policy in enumerate(listed(properties.get("Policies"))):
        if isinstance(policy, dict):
            path = ["Properties", "Policies", index, "PolicyDocument"]
            documents.append((path, policy.get("PolicyDocument", {})))
    for path, document in documents:
        for index, statement in enumerate(listed(document.get("Statement"))):
            yield [*path, "Statement", index], statement
