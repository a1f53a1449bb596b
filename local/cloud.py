"""AWS on loopback, with the tables, buckets, queues and secrets of the template in it."""

import json
import secrets
import string
from typing import Any, Final

import boto3

from local.template import WEBSOCKET_PATH, Template, resolve

REGION: Final = "us-east-1"
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

MAIL_SENDER: Final = "no-reply@imaginelab.local"
RESET_PAGE: Final = "https://imaginelab.local/reset-password"
PARAMETERS: Final = {"Signup": "true", "MailSender": MAIL_SENDER, "PasswordResetPage": RESET_PAGE}
"""The template's parameters that are others on a laptop."""
NOWHERE: Final = "http://127.0.0.1:1"
"""Where nothing listens."""

_CREATED_WITH_A_TABLE: Final = (
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "GlobalSecondaryIndexes",
)
_CREATED_WITH_A_QUEUE: Final = ("VisibilityTimeout", "MessageRetentionPeriod")


def create_resources(template: Template, endpoint_url: str, parameters: dict[str, str]) -> dict[str, str]:
    """Create every table, bucket, queue and secret of the template.

    Returns what each Ref gives, by name, and the ARN of a queue as ``<name>.Arn``.
    """
    references = template.default_parameters() | PARAMETERS | parameters
    references |= {"AWS::Region": REGION, "AWS::StackName": "local"}
    dynamodb, s3, sqs, secrets_manager = (
        client(service, endpoint_url) for service in ("dynamodb", "s3", "sqs", "secretsmanager")
    )
    for name, properties in template.resources("AWS::DynamoDB::Table").items():
        created = {key: properties[key] for key in _CREATED_WITH_A_TABLE if key in properties}
        dynamodb.create_table(TableName=name, **created)
        references[name] = name
    for name in template.resources("AWS::S3::Bucket"):
        references[name] = name.lower()
        s3.create_bucket(Bucket=references[name])
    references |= _create_queues(template.resources("AWS::SQS::Queue"), sqs)
    for name, properties in template.resources("AWS::SecretsManager::Secret").items():
        text = properties.get("SecretString") or _generate_secret(properties["GenerateSecretString"])
        created = secrets_manager.create_secret(Name=name, SecretString=resolve(text, references))
        references[name] = created["ARN"]
    for name in template.resources("AWS::SQS::Queue"):
        references[name] = sqs.create_queue(QueueName=name)["QueueUrl"]
    client("sesv2", endpoint_url).create_email_identity(EmailIdentity=MAIL_SENDER)
    return references


def client(service: str, endpoint_url: str) -> Any:
    """A boto3 client of the stand-in."""
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=endpoint_url,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


def _create_queues(queues: dict[str, dict[str, Any]], sqs: Any) -> dict[str, str]:
    """Create queues, and then connect them with their dead-letter queues, which have to exist."""
    references: dict[str, str] = {}
    for name, properties in queues.items():
        kept = {key: str(properties[key]) for key in _CREATED_WITH_A_QUEUE if key in properties}
        url = references[name] = sqs.create_queue(QueueName=name, Attributes=kept)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        references[f"{name}.Arn"] = attributes["QueueArn"]
    for name, properties in queues.items():
        if "RedrivePolicy" in properties:
            policy = json.dumps(resolve(properties["RedrivePolicy"], references))
            sqs.set_queue_attributes(QueueUrl=references[name], Attributes={"RedrivePolicy": policy})
    return references


def runtime_variables(endpoint_url: str, base_url: str = NOWHERE) -> dict[str, str]:
    """What Lambda itself would set, with AWS's endpoint, and what holds on this machine alone.

    `base_url` is that of the gateway, which serves the WebSocket API at a path.
    """
    return {
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint_url,
        **CREDENTIALS,
        "IMAGINEART_REACH_LOOPBACK": "true",
        "IMAGINEART_BASE_URL": base_url,
        "IMAGINEART_WEBSOCKET_URL": base_url.replace("http", "ws", 1) + WEBSOCKET_PATH,
        "IMAGINEART_CONTENT_CHECKER": "prompt",
    }


def _generate_secret(rule: dict[str, Any]) -> str:
    alphabet = string.ascii_letters + string.digits
    generated = "".join(secrets.choice(alphabet) for _ in range(rule["PasswordLength"]))
    return json.dumps(json.loads(rule["SecretStringTemplate"]) | {rule["GenerateStringKey"]: generated})
