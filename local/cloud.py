"""AWS on loopback, with the resources of the template that keep data in it."""

import json
import secrets
import string
from typing import Any, Final

import boto3

from local.template import Template, resolve

REGION: Final = "us-east-1"
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

_CREATED_WITH_A_TABLE: Final = (
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "GlobalSecondaryIndexes",
)


def create_resources(template: Template, endpoint_url: str, parameters: dict[str, str]) -> dict[str, str]:
    """Create every table, bucket, secret and queue of the template. Returns what each Ref gives, by name."""
    references = template.default_parameters() | parameters
    references |= {"AWS::Region": REGION, "AWS::StackName": "local"}
    dynamodb, s3, secrets_manager, sqs = (
        boto3.client(
            service,
            region_name=REGION,
            endpoint_url=endpoint_url,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )
        for service in ("dynamodb", "s3", "secretsmanager", "sqs")
    )
    for name, properties in template.resources("AWS::DynamoDB::Table").items():
        created = {key: properties[key] for key in _CREATED_WITH_A_TABLE if key in properties}
        dynamodb.create_table(TableName=name, **created)
        references[name] = name
    for name in template.resources("AWS::S3::Bucket"):
        references[name] = name.lower()
        s3.create_bucket(Bucket=references[name])
    for name, properties in template.resources("AWS::SecretsManager::Secret").items():
        text = properties.get("SecretString") or _generate_secret(properties["GenerateSecretString"])
        created = secrets_manager.create_secret(Name=name, SecretString=resolve(text, references))
        references[name] = created["ARN"]
    for name in template.resources("AWS::SQS::Queue"):
        references[name] = sqs.create_queue(QueueName=name)["QueueUrl"]
    return references


def runtime_variables(endpoint_url: str) -> dict[str, str]:
    """What Lambda itself would set, with AWS's endpoint, and what holds on this machine alone."""
    return {
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint_url,
        **CREDENTIALS,
        "IMAGINEART_REACH_LOOPBACK": "true",
    }


def _generate_secret(rule: dict[str, Any]) -> str:
    alphabet = string.ascii_letters + string.digits
    generated = "".join(secrets.choice(alphabet) for _ in range(rule["PasswordLength"]))
    return json.dumps(json.loads(rule["SecretStringTemplate"]) | {rule["GenerateStringKey"]: generated})
