"""What the function of WebSocket messages does in a deployment, called by hand for no open connection."""

import json
import uuid
from typing import Any

from tests.e2e.deployed_stack.aws_account import ALIAS, AwsAccount
from tests.functions.test_runware import inference


def send_task(account: AwsAccount, connection_id: str, task: dict[str, Any]) -> bool:
    """Whether the function could send what responds to a message, but for the end of the connection."""
    context = {"connectionId": connection_id, "requestId": str(uuid.uuid4())}
    event = {"requestContext": context, "body": json.dumps([task]), "isBase64Encoded": False}
    invoked = account.client("lambda").invoke(
        FunctionName=account.id_of("RunwareSocketFunction"), Qualifier=ALIAS, Payload=json.dumps(event)
    )
    return "FunctionError" not in invoked


def handles_messages(account: AwsAccount) -> bool:
    """Whether a connection authenticates, and a task of it becomes a job of its session."""
    consumer, connection_id = f"probe-{uuid.uuid4()}", f"connection-{uuid.uuid4()}"
    account.target.succeed(f"consumer create {consumer}")
    key = account.target.succeed(f"token create {consumer}").strip()
    if not send_task(account, connection_id, {"taskType": "authentication", "apiKey": key}):
        return False
    # It is asynchronous, so that there is an acknowledgement to be sent.
    if not send_task(account, connection_id, inference(deliveryMethod="async")):
        return False
    found = account.client("dynamodb").query(
        TableName=account.id_of("JobsTable"),
        KeyConditionExpression="consumer_id = :consumer",
        FilterExpression="attribute_exists(session_id)",
        ExpressionAttributeValues={":consumer": {"S": consumer}},
    )
    return bool(found["Items"])
