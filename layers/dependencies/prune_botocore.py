"""Reduces botocore's data to the operations that the functions call: `python prune_botocore.py FOLDER`.

FOLDER is where pip installed botocore. Parsing documentation, unused operations and compressed files would be
a large part of a cold start. A client has no method for an operation that OPERATIONS lacks.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OPERATIONS = {
    "apigatewaymanagementapi": {"PostToConnection"},
    "bedrock-runtime": {"Converse", "InvokeModel"},
    "dynamodb": {"DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"},
    "polly": {"SynthesizeSpeech"},
    "rekognition": {"DetectModerationLabels"},
    # botocore asks for a bucket's region with HeadBucket when S3 redirects it.
    "s3": {"DeleteObject", "GetObject", "HeadBucket", "ListObjectsV2", "PutObject"},
    "secretsmanager": {"GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"},
    "sesv2": {"SendEmail"},
    "sqs": {"SendMessage"},
}


def prune(packages: Path) -> None:
    """Replace botocore's data in `packages` by what OPERATIONS needs, and remove boto3's own."""
    sys.path.insert(0, str(packages))
    from botocore.loaders import Loader

    data = packages / "botocore" / "data"
    loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    kept: dict[Path, Any] = {path: json.loads(path.read_text()) for path in data.glob("*.json")}
    prefixes = set()
    for service, operations in OPERATIONS.items():
        folder = data / service / loader.determine_latest_version(service, "service-2")
        model = loader.load_service_model(service, "service-2")
        prefixes.add(model["metadata"]["endpointPrefix"])
        kept[folder / "service-2.json"] = pruned_model(model, operations)
        kept[folder / "endpoint-rule-set-1.json"] = loader.load_service_model(service, "endpoint-rule-set-1")
    for partition in kept[data / "endpoints.json"]["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in sorted(services.keys() & prefixes)}
    shutil.rmtree(data)
    shutil.rmtree(packages / "boto3" / "data")
    for path, content in kept.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(without_documentation(content), separators=(",", ":")))


def pruned_model(model: dict[str, Any], operations: set[str]) -> dict[str, Any]:
    """The service's model with these operations and the shapes that they reach. Raises KeyError."""
    kept_operations = {name: model["operations"][name] for name in sorted(operations)}
    reached, waiting = set[str](), set(shapes_in(kept_operations))
    while waiting:
        reached.add(name := waiting.pop())
        waiting |= set(shapes_in(model["shapes"][name])) - reached
    return model | {
        "operations": kept_operations,
        "shapes": {name: model["shapes"][name] for name in sorted(reached)},
    }


def shapes_in(value: Any) -> Iterator[str]:
    """The names of the shapes to which `value` refers."""
    for key, each in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        if key == "shape" and isinstance(each, str):
            yield each
        else:
            yield from shapes_in(each)


def without_documentation(value: Any) -> Any:
    """`value` with empty documentation, a few of which botocore reads; a member of that name is no text."""
    if isinstance(value, list):
        return [without_documentation(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: "" if key == "documentation" and isinstance(each, str) else without_documentation(each)
        for key, each in value.items()
    }


if __name__ == "__main__":
    prune(Path(sys.argv[1]))
