"""AWS on loopback: moto's server in a process of its own, with the template's tables and secrets in it."""

import json
import secrets
import string
import sys
from typing import Any, Final

import boto3

from local.template import Template, resolve

REGION: Final = "us-east-1"
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
MEMORY_VARIABLES: Final = {"MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": "65536", "MALLOC_MMAP_THRESHOLD_": "131072"}
"""For the process of the stand-in: S3 keeps its objects on the disk, and freed buffers go back to the system.

Sources: https://docs.getmoto.org/en/latest/docs/configuration/environment_variables.html and
https://www.gnu.org/software/libc/manual/html_node/Malloc-Tunable-Parameters.html
"""


def create_resources(template: Template, endpoint_url: str, parameters: dict[str, str]) -> dict[str, str]:
    """Create every table and secret of the template; return what each Ref gives, by name."""
    references = (
        template.default_parameters() | parameters | {"AWS::Region": REGION, "AWS::StackName": "local"}
    )
    dynamodb = _client("dynamodb", endpoint_url)
    for name, properties in template.resources("AWS::DynamoDB::Table").items():
        creatable = ("AttributeDefinitions", "KeySchema", "BillingMode")
        dynamodb.create_table(TableName=name, **{key: properties[key] for key in creatable})
        references[name] = name
    s3 = _client("s3", endpoint_url)
    for name in template.resources("AWS::S3::Bucket"):
        references[name] = name.lower()
        s3.create_bucket(Bucket=references[name])
    secrets_manager = _client("secretsmanager", endpoint_url)
    for name, properties in template.resources("AWS::SecretsManager::Secret").items():
        text = properties.get("SecretString") or _generate_secret(properties["GenerateSecretString"])
        references[name] = secrets_manager.create_secret(Name=name, SecretString=resolve(text, references))[
            "ARN"
        ]
    return references


def runtime_variables(endpoint_url: str) -> dict[str, str]:
    """The variables that Lambda itself would set, pointing at the stand-in."""
    return {"AWS_REGION": REGION, "AWS_ENDPOINT_URL": endpoint_url, **CREDENTIALS}


def _client(service: str, endpoint_url: str) -> Any:
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=endpoint_url,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


def _generate_secret(rule: dict[str, Any]) -> str:
    alphabet = string.ascii_letters + string.digits
    generated = "".join(secrets.choice(alphabet) for _ in range(rule["PasswordLength"]))
    return json.dumps(json.loads(rule["SecretStringTemplate"]) | {rule["GenerateStringKey"]: generated})


def _serve() -> None:
    """Serve until standard input ends, which it does when the parent process does."""
    from local.moto_server import serving_moto

    with serving_moto() as url:
        print(f"cloud listening on {url}", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _serve()
