"""Every permission that the template grants is enforced and needed: without it, what it is for fails.

Each probe does what one permission is for, and returns whether it worked.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege
"""

import base64
import json
import secrets
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from imagineart.access.pepper_store import PepperStore
from imagineart.aws import AwsClients
from imagineart.dynamodb import DynamoDbTable
from imagineart.images.operations import ModelOperation
from imagineart.results.model import Result
from imagineart.results.results import Results
from imagineart.s3 import Bucket
from imagineart.secrets_manager import CachedSecret
from imagineart.webhooks.model import new_webhook
from imagineart.webhooks.webhook_store import WebhookStore
from local.chosen_models import document_of
from local.template import load_template
from tests.e2e.deployed_stack.accounts import (
    asks_for_mail,
    erases_what_keys_left,
    generates,
    lives_and_ends,
    logs_in_after_a_cold_start,
    sends_mail,
    takes_a_payment,
    writes_text,
)
from tests.e2e.deployed_stack.aws_account import ALIAS, AwsAccount
from tests.e2e.deployed_stack.jobs import (
    accepts_and_sends,
    deletes_a_job_of_a_deleted_consumer,
    deletes_results_of_dead_jobs,
    keeps_results,
    manages_jobs,
    queues_webhooks,
    reports_that_an_image_was_deleted,
    runs_jobs,
    sweeps_jobs,
)
from tests.e2e.deployed_stack.sockets import handles_messages
from tests.functions.deployment import message_event
from tests.permissions import listed
from tests.receiver import Receiver
from tests.sample_images import sample

SMALL = {"prompt": "a lighthouse", "resolution": "1K"}
PERMISSIONS = [
    (policy, statement["Sid"], action)
    for policy, properties in load_template().resources("AWS::IAM::ManagedPolicy").items()
    for statement in properties["PolicyDocument"]["Statement"]
    for action in listed(statement["Action"])
    # Ministack has neither Rekognition nor Polly.
    if not action.startswith(("rekognition:", "polly:"))
]
# Ministack's S3 responds with 404 for a missing object; AWS responds with 403, unless the caller may list the
# bucket. When Ministack does so too, the tests of these fail, and this set goes.
# Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
# It also knows neither the resource nor the condition of a permission to send mail, and refuses each mail.
# Of models of Bedrock, it tells neither the operations apart nor which model is called.
UNENFORCED = {("SendMail", "ses:SendEmail"), ("InvokeTextModels", "bedrock:InvokeModel")} | {
    (f"DetectMissing{what}", "s3:ListBucket") for what in ("Response", "Upload", "Result", "Image", "Media")
}


@pytest.mark.parametrize(("policy", "sid", "action"), PERMISSIONS)
def test_without_a_permission_what_it_is_for_does_not_work(
    account: AwsAccount, policy: str, sid: str, action: str
) -> None:
    works = PROBES[sid, action]
    assert works(account)
    with account.without(policy, sid, action):
        assert works(account) == ((sid, action) in UNENFORCED)


def test_every_probe_is_of_a_permission() -> None:
    assert {(sid, action) for _, sid, action in PERMISSIONS} == PROBES.keys()


def unique(prefix: str = "probe") -> str:
    return f"{prefix}-{time.time_ns()}"


def new_consumer(account: AwsAccount, options: str = "") -> tuple[str, str]:
    """A consumer and its token."""
    consumer = unique()
    account.target.succeed(f"consumer create {consumer}")
    return consumer, account.target.succeed(f"token create {consumer}{options}").strip()


def lists_models(account: AwsAccount) -> bool:
    return account.target.list_models(account.target.token).status_code == 200


def lists_models_after_a_cold_start(account: AwsAccount) -> bool:
    account.restart("ListModelsFunction")
    return lists_models(account)


def revokes_a_token_sent_over_plain_http(account: AwsAccount) -> bool:
    _, token = new_consumer(account)
    assert account.target.list_models(token).status_code == 200
    account.target.list_models(token, **{"X-Forwarded-Proto": "http"})
    return account.target.list_models(token).status_code == 401


def refuses_a_consumer_that_is_gone(account: AwsAccount) -> bool:
    consumer, token = new_consumer(account)
    account.client("dynamodb").delete_item(
        TableName=account.id_of("ConsumersTable"),
        Key={"key": {"S": consumer}},
        ConditionExpression="attribute_exists(#key)",
        ExpressionAttributeNames={"#key": "key"},
    )
    return account.target.list_models(token).status_code == 401


def counts_usage(account: AwsAccount) -> bool:
    consumer, token = new_consumer(account)
    assert account.target.list_models(token).status_code == 200
    usage = json.loads(account.target.succeed(f"usage show --consumer {consumer} --json"))["usage"]
    return [row["requests"] for row in usage] == [1]


def generate(account: AwsAccount, key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    with account.target.client() as client:
        return client.post("/v1/images/generations", data=SMALL | {"seed": "7"}, headers=headers)


def keeps_an_image_at_a_url(account: AwsAccount) -> bool:
    body = SMALL | {"response_format": "url"}
    with account.target.client() as client:
        return client.post("/v1/images/generations", json=body).status_code == 200


def generates_after_a_cold_start(account: AwsAccount) -> bool:
    account.restart("GenerateImageFunction")
    return generate(account).status_code == 200


def reaches_bedrock(account: AwsAccount) -> bool:
    """The emulator lets the call through, and responds with something that is no image."""
    url = account.target.cli_variables["AWS_ENDPOINT_URL"]
    route = f"bedrock us-west-2 stability.stable-image-ultra-v1:1 retries=0 endpoint={url}"
    with account.with_models(document_of({ModelOperation.GENERATE: route})):
        response = generate(account)
    assert response.status_code == 502
    return bool(response.json()["error"]["code"] == "model_error")


def responds_to_a_request_with_a_key(account: AwsAccount) -> bool:
    return generate(account, unique()).status_code == 200


def replays(account: AwsAccount) -> bool:
    key = unique()
    generate(account, key)
    return generate(account, key).headers.get("Idempotent-Replayed") == "true"


def takes_over_from_a_request_that_never_ended(account: AwsAccount) -> bool:
    """It holds the key for some more seconds."""
    key, table = unique(), {"TableName": account.id_of("IdempotencyTable")}
    generate(account, key)
    dynamodb = account.client("dynamodb")
    records = dynamodb.scan(**table)["Items"]
    newest = max(records, key=lambda each: int(each["in_progress_expiration"]["N"]))
    soon = {"N": str(int(time.time() * 1000) + 3000)}
    unfinished = newest | {"status": {"S": "INPROGRESS"}, "in_progress_expiration": soon}
    dynamodb.put_item(**table, Item=unfinished)
    return generate(account, key).status_code == 200


def makes_a_lost_response_again(account: AwsAccount) -> bool:
    key, bucket, s3 = unique(), account.id_of("IdempotencyBucket"), account.client("s3")
    generate(account, key)
    for each in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        s3.delete_object(Bucket=bucket, Key=each["Key"])
    return generate(account, key).status_code == 200


def upload(client: httpx.Client, content: bytes) -> tuple[str, int]:
    """The id of an upload, and the status of its PUT."""
    form = {"content_type": "image/png", "size": str(len(content))}
    granted = client.post("/v1/uploads", data=form).raise_for_status().json()
    put = httpx.put(granted["url"], content=content, headers=granted["headers"], timeout=300)
    return granted["id"], put.status_code


def edit(client: httpx.Client, upload_id: str, **headers: str) -> int:
    """The status of an edit of an upload."""
    return client.post("/v1/images/edits", data=SMALL | {"images": upload_id}, headers=headers).status_code


def takes_uploads(account: AwsAccount) -> bool:
    with account.target.client() as client:
        return upload(client, sample("png"))[1] == 200


def edits_uploads(account: AwsAccount) -> bool:
    with account.target.client() as client:
        return edit(client, upload(client, sample("png"))[0]) == 200


def reports_that_nothing_was_uploaded(account: AwsAccount) -> bool:
    with account.target.client() as client:
        form = {"content_type": "image/png", "size": "1"}
        return edit(client, client.post("/v1/uploads", data=form).json()["id"]) == 400


def frees_the_key_of_an_error(account: AwsAccount) -> bool:
    with account.target.client() as client:
        key = {"Idempotency-Key": unique()}
        no_image, image = upload(client, b"no image")[0], upload(client, sample("png"))[0]
        edit(client, no_image, **key)
        return edit(client, image, **key) == 200


def keep_result(account: AwsAccount) -> Result:
    """A result that the administrator keeps."""
    variables = account.target.cli_variables
    clients = AwsClients({**variables, "AWS_REGION": variables["AWS_DEFAULT_REGION"]})
    peppers = PepperStore(CachedSecret(clients, account.id_of("PepperSecret"), cached_seconds=0))
    bucket = Bucket(clients, account.id_of("ResultsBucket"))
    results = Results(bucket, peppers, secrets.randbelow, time.time)
    return results.keep(sample("png"), media_type="image/png")


def serves_a_result(account: AwsAccount) -> bool:
    with account.target.client() as client:
        return client.get(keep_result(account).path).content == sample("png")


def serves_a_result_after_a_cold_start(account: AwsAccount) -> bool:
    account.restart("ServeResultFunction")
    return serves_a_result(account)


def reports_that_a_result_is_gone(account: AwsAccount) -> bool:
    result = keep_result(account)
    account.client("s3").delete_object(Bucket=account.id_of("ResultsBucket"), Key=result.key)
    with account.target.client() as client:
        return client.get(result.path).status_code == 404


def run_task(account: AwsAccount, **fields: Any) -> dict[str, Any]:
    """What Runware's API responds to a task."""
    task = {"taskUUID": str(uuid.uuid4()), **fields}
    with account.target.client() as client:
        document: dict[str, Any] = client.post("/runware/v1", json=[task]).json()
        return document


def keep_media(account: AwsAccount) -> str | None:
    """The UUID of an image that is kept, or None where it is not."""
    media = base64.b64encode(sample("png")).decode()
    data = run_task(account, taskType="mediaStorage", operation="upload", media=media)["data"]
    return data[0]["mediaUUID"] if data else None


def keeps_media(account: AwsAccount) -> bool:
    return keep_media(account) is not None


def edit_media(account: AwsAccount, media: str) -> dict[str, Any]:
    fields = {"positivePrompt": "at dusk", "model": "imagineart:2.0@0", "resolution": "1.5K"}
    inputs = {"referenceImages": [media]}
    return run_task(account, taskType="imageInference", inputs=inputs, **fields)


def edits_media(account: AwsAccount) -> bool:
    media = keep_media(account)
    return media is not None and len(edit_media(account, media)["data"]) == 1


def deletes_media(account: AwsAccount) -> bool:
    media = keep_media(account)
    return run_task(account, taskType="mediaStorage", operation="delete", media=media)["data"] != []


def reports_that_media_are_missing(account: AwsAccount) -> bool:
    (error,) = edit_media(account, str(uuid.uuid4()))["errors"]
    return bool(error["code"] == "invalidReferenceImages")


def reviews_tokens(account: AwsAccount) -> bool:
    """After a cold start, with an internal token, whose marks are read too."""
    new_consumer(account, " --internal")
    account.restart("ReviewTokensFunction")
    name = f"{account.id_of('ReviewTokensFunction')}:{ALIAS}"
    invoked = account.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    return "FunctionError" not in invoked and json.load(invoked["Payload"])["live"] >= 1


def attempts_a_webhook(account: AwsAccount, status: int = 500) -> bool:
    """The function, after a cold start, reaches a receiver that responds with a status, and notes that."""
    variables = account.target.cli_variables
    aws = AwsClients(variables | {"AWS_REGION": variables["AWS_DEFAULT_REGION"]})
    store = WebhookStore(DynamoDbTable(aws, account.id_of("WebhooksTable")))
    reaching_loopback = account.with_variables("DeliverWebhookFunction", IMAGINEART_REACH_LOOPBACK="true")
    with Receiver([(status, {})]) as receiver, reaching_loopback:
        webhook = new_webhook(
            "local", event_id=unique(), type="webhook.test", body="{}", url=receiver.url, now=time.time()
        )
        store.add(webhook)
        works = delivers_webhooks(account, message_event("local", webhook.id))
    noted = store.find("local", webhook.id)
    return works and noted is not None and [each.status for each in noted.attempts] == [status]


def stops_a_url(account: AwsAccount) -> bool:
    return attempts_a_webhook(account, 410)


def finds_overdue_webhooks(account: AwsAccount) -> bool:
    return delivers_webhooks(account, {})


def delivers_webhooks(account: AwsAccount, event: dict[str, Any]) -> bool:
    """Whether the function that delivers webhooks handles an event."""
    name = f"{account.id_of('DeliverWebhookFunction')}:{ALIAS}"
    invoked = account.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return "FunctionError" not in invoked


PROBES: dict[tuple[str, str], Callable[[AwsAccount], bool]] = {
    ("KeepAccount", "dynamodb:GetItem"): lives_and_ends,
    ("KeepAccount", "dynamodb:PutItem"): lives_and_ends,
    ("KeepAccount", "dynamodb:UpdateItem"): lives_and_ends,
    ("KeepAccount", "dynamodb:DeleteItem"): lives_and_ends,
    ("KeepAccountConsumer", "dynamodb:PutItem"): lives_and_ends,
    ("KeepAccountConsumer", "dynamodb:DeleteItem"): lives_and_ends,
    ("KeepCredits", "dynamodb:GetItem"): generates,
    ("KeepCredits", "dynamodb:PutItem"): generates,
    ("KeepCredits", "dynamodb:UpdateItem"): generates,
    ("KeepCredits", "dynamodb:Query"): generates,
    ("KeepCredits", "dynamodb:DeleteItem"): generates,
    ("KeepGeneration", "dynamodb:GetItem"): generates,
    ("KeepGeneration", "dynamodb:PutItem"): generates,
    ("KeepGeneration", "dynamodb:UpdateItem"): generates,
    ("KeepGeneration", "dynamodb:Query"): generates,
    ("KeepGeneration", "dynamodb:DeleteItem"): generates,
    ("EraseUsage", "dynamodb:Query"): generates,
    ("EraseUsage", "dynamodb:DeleteItem"): generates,
    ("FindWebhooks", "dynamodb:Query"): erases_what_keys_left,
    ("FindKeys", "dynamodb:Scan"): erases_what_keys_left,
    ("EraseKeys", "dynamodb:DeleteItem"): erases_what_keys_left,
    ("EraseConnections", "dynamodb:Scan"): erases_what_keys_left,
    ("EraseConnections", "dynamodb:DeleteItem"): erases_what_keys_left,
    ("EraseResponses", "dynamodb:GetItem"): erases_what_keys_left,
    ("EraseResponses", "dynamodb:DeleteItem"): erases_what_keys_left,
    ("FindFiles", "s3:ListBucket"): erases_what_keys_left,
    ("EraseFiles", "s3:DeleteObject"): erases_what_keys_left,
    ("SendGeneration", "sqs:SendMessage"): generates,
    ("DeleteOutput", "s3:DeleteObject"): generates,
    ("ForgetWebhook", "dynamodb:DeleteItem"): generates,
    ("SettleCredits", "dynamodb:GetItem"): generates,
    ("SettleCredits", "dynamodb:PutItem"): generates,
    ("SettleCredits", "dynamodb:UpdateItem"): generates,
    ("ReadPaymentKeys", "secretsmanager:GetSecretValue"): takes_a_payment,
    ("FindPayer", "dynamodb:GetItem"): takes_a_payment,
    ("ReadSessionKeys", "secretsmanager:GetSecretValue"): logs_in_after_a_cold_start,
    ("AskForMail", "sqs:SendMessage"): asks_for_mail,
    ("FindAccount", "dynamodb:GetItem"): sends_mail,
    ("FindAccount", "dynamodb:UpdateItem"): sends_mail,
    ("SendMail", "ses:SendEmail"): sends_mail,
    ("FindToken", "dynamodb:GetItem"): lists_models,
    ("MarkToken", "dynamodb:UpdateItem"): revokes_a_token_sent_over_plain_http,
    ("CountRequest", "dynamodb:UpdateItem"): lists_models,
    ("CountRequest", "dynamodb:GetItem"): refuses_a_consumer_that_is_gone,
    ("CountUsage", "dynamodb:UpdateItem"): counts_usage,
    ("ReadModels", "dynamodb:GetItem"): lists_models_after_a_cold_start,
    ("ReadTokenSecrets", "secretsmanager:GetSecretValue"): lists_models_after_a_cold_start,
    ("ReadBackendCredential", "secretsmanager:GetSecretValue"): generates_after_a_cold_start,
    ("InvokeBedrockModels", "bedrock:InvokeModel"): reaches_bedrock,
    ("InvokeTextModels", "bedrock:InvokeModel"): writes_text,
    ("ListTokens", "dynamodb:Scan"): reviews_tokens,
    ("ListTokens", "dynamodb:GetItem"): reviews_tokens,
    ("ReadInternalTokens", "secretsmanager:GetSecretValue"): reviews_tokens,
    ("ClaimKey", "dynamodb:PutItem"): responds_to_a_request_with_a_key,
    ("ClaimKey", "dynamodb:GetItem"): takes_over_from_a_request_that_never_ended,
    ("ClaimKey", "dynamodb:UpdateItem"): replays,
    ("ClaimKey", "dynamodb:DeleteItem"): frees_the_key_of_an_error,
    ("KeepResponse", "s3:PutObject"): replays,
    ("KeepResponse", "s3:GetObject"): replays,
    ("DetectMissingResponse", "s3:ListBucket"): makes_a_lost_response_again,
    ("MakeAttempt", "dynamodb:GetItem"): attempts_a_webhook,
    ("MakeAttempt", "dynamodb:PutItem"): stops_a_url,
    ("MakeAttempt", "dynamodb:UpdateItem"): attempts_a_webhook,
    ("FindOverdue", "dynamodb:Query"): finds_overdue_webhooks,
    ("SendMessage", "sqs:SendMessage"): attempts_a_webhook,
    ("KeepConnection", "dynamodb:PutItem"): handles_messages,
    ("FindConnection", "dynamodb:GetItem"): handles_messages,
    ("FindConnection", "dynamodb:UpdateItem"): handles_messages,
    ("SendMessage", "execute-api:ManageConnections"): handles_messages,
    ("ReadWebhookSecret", "secretsmanager:GetSecretValue"): attempts_a_webhook,
    ("PutUpload", "s3:PutObject"): takes_uploads,
    ("ReadUpload", "s3:GetObject"): edits_uploads,
    ("DetectMissingUpload", "s3:ListBucket"): reports_that_nothing_was_uploaded,
    ("KeepImageAtUrl", "s3:PutObject"): keeps_an_image_at_a_url,
    ("ReadResult", "s3:GetObject"): serves_a_result,
    ("DetectMissingResult", "s3:ListBucket"): reports_that_a_result_is_gone,
    ("KeepMedia", "s3:PutObject"): keeps_media,
    ("KeepMedia", "s3:GetObject"): edits_media,
    ("KeepMedia", "s3:DeleteObject"): deletes_media,
    ("DetectMissingMedia", "s3:ListBucket"): reports_that_media_are_missing,
    ("KeepOwnResult", "s3:PutObject"): keeps_media,
    ("ReadPeppers", "secretsmanager:GetSecretValue"): serves_a_result_after_a_cold_start,
    ("KeepJob", "dynamodb:PutItem"): accepts_and_sends,
    ("KeepJob", "dynamodb:GetItem"): accepts_and_sends,
    ("KeepJob", "dynamodb:Query"): accepts_and_sends,
    ("KeepJob", "dynamodb:UpdateItem"): accepts_and_sends,
    ("SendJob", "sqs:SendMessage"): accepts_and_sends,
    ("KeepReference", "s3:PutObject"): accepts_and_sends,
    ("ManageJob", "dynamodb:GetItem"): manages_jobs,
    ("ManageJob", "dynamodb:Query"): manages_jobs,
    ("ManageJob", "dynamodb:UpdateItem"): manages_jobs,
    ("ManageJob", "dynamodb:DeleteItem"): manages_jobs,
    ("ReadAndDeleteImage", "s3:GetObject"): manages_jobs,
    ("ReadAndDeleteImage", "s3:DeleteObject"): manages_jobs,
    ("DetectMissingImage", "s3:ListBucket"): reports_that_an_image_was_deleted,
    ("DeleteWebhook", "dynamodb:DeleteItem"): manages_jobs,
    ("KeepWebhook", "dynamodb:PutItem"): queues_webhooks,
    ("SendWebhook", "sqs:SendMessage"): queues_webhooks,
    ("RunJob", "dynamodb:GetItem"): runs_jobs,
    ("RunJob", "dynamodb:Query"): runs_jobs,
    ("RunJob", "dynamodb:UpdateItem"): runs_jobs,
    ("RunJob", "dynamodb:DeleteItem"): deletes_a_job_of_a_deleted_consumer,
    ("KeepImage", "s3:GetObject"): runs_jobs,
    ("KeepImage", "s3:PutObject"): runs_jobs,
    ("KeepImage", "s3:DeleteObject"): runs_jobs,
    ("KeepResult", "s3:PutObject"): keeps_results,
    ("KeepResult", "s3:DeleteObject"): keeps_results,
    ("SignResultName", "secretsmanager:GetSecretValue"): keeps_results,
    ("SendNextJob", "sqs:SendMessage"): runs_jobs,
    ("HoldSlot", "dynamodb:GetItem"): runs_jobs,
    ("HoldSlot", "dynamodb:UpdateItem"): runs_jobs,
    ("CountJob", "dynamodb:UpdateItem"): runs_jobs,
    ("SweepJob", "dynamodb:GetItem"): sweeps_jobs,
    ("SweepJob", "dynamodb:Query"): sweeps_jobs,
    ("SweepJob", "dynamodb:UpdateItem"): sweeps_jobs,
    ("FindJob", "dynamodb:Query"): sweeps_jobs,
    ("DeleteImage", "s3:DeleteObject"): sweeps_jobs,
    ("DeleteResult", "s3:DeleteObject"): deletes_results_of_dead_jobs,
    ("SendLostJob", "sqs:SendMessage"): sweeps_jobs,
    ("GiveImagesBack", "dynamodb:GetItem"): sweeps_jobs,
    ("GiveImagesBack", "dynamodb:UpdateItem"): sweeps_jobs,
    ("CountFailedJob", "dynamodb:UpdateItem"): sweeps_jobs,
}
