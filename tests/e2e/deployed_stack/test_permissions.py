"""Every permission that the template grants is enforced and needed: without it, what worked does not.

Each probe does what one permission is for, and says whether it worked.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege
"""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.sample_pictures import sample

from local.rehearsal.shortcomings import MISSING_OBJECT_IS_TOLD, Shortcoming
from local.template import load_template
from tests.e2e.deployed_stack.aws_account import ALIAS, AwsAccount
from tests.e2e.target import WAIT_SECONDS, bearer
from tests.permissions import listed

SMALL = {"prompt": "a lighthouse", "resolution": "1K"}
PERMISSIONS = [
    (policy, statement["Sid"], action)
    for policy, properties in load_template().resources("AWS::IAM::ManagedPolicy").items()
    for statement in properties["PolicyDocument"]["Statement"]
    for action in listed(statement["Action"])
]
# What the emulator allows everybody: it is held to it, so that the list shrinks when it is mended.
UNENFORCED: dict[tuple[str, str], Shortcoming] = {
    ("DetectMissingResponse", "s3:ListBucket"): MISSING_OBJECT_IS_TOLD,
    ("DetectMissingUpload", "s3:ListBucket"): MISSING_OBJECT_IS_TOLD,
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


def client(account: AwsAccount, token: str = "") -> httpx.Client:
    headers = bearer(token or account.target.token)
    return httpx.Client(base_url=account.target.base_url, headers=headers, timeout=WAIT_SECONDS)


def lists_models(account: AwsAccount) -> bool:
    with client(account) as caller:
        return caller.get("/v1/models").status_code == 200


def lists_models_after_a_cold_start(account: AwsAccount) -> bool:
    account.restart("ListModelsFunction")
    return lists_models(account)


def revokes_a_token_sent_in_the_open(account: AwsAccount) -> bool:
    token = account.target.succeed("token create local").strip()
    with client(account, token) as caller:
        assert caller.get("/v1/models").status_code == 200
        caller.get("/v1/models", headers={"X-Forwarded-Proto": "http"})
        return caller.get("/v1/models").status_code == 401


def refuses_a_consumer_that_is_gone(account: AwsAccount) -> bool:
    consumer = f"probe-{time.time_ns()}"
    account.target.succeed(f"consumer create {consumer}")
    token = account.target.succeed(f"token create {consumer}").strip()
    key = {"key": {"S": consumer}}
    gone = account.client("dynamodb").delete_item(
        TableName=account.id_of("ConsumersTable"), Key=key, ReturnValues="ALL_OLD"
    )
    assert gone["Attributes"]
    with client(account, token) as caller:
        return caller.get("/v1/models").status_code == 401


def counts_usage(account: AwsAccount) -> bool:
    table = account.client("dynamodb")
    name = account.id_of("UsageTable")

    def counted() -> int:
        items = table.scan(TableName=name, ConsistentRead=True)["Items"]
        return sum(int(value["N"]) for item in items for key, value in item.items() if "models" in key)

    before = counted()
    return lists_models(account) and counted() > before


def generates(account: AwsAccount, **headers: str) -> httpx.Response:
    with client(account) as caller:
        return caller.post("/v1/images/generations", data=SMALL | {"seed": "7"}, headers=headers)


def paints_after_a_cold_start(account: AwsAccount) -> bool:
    account.restart("GenerateImageFunction")
    return generates(account).status_code == 200


def reaches_bedrock(account: AwsAccount) -> bool:
    """The emulator lets the call through, and answers it with what is no picture."""
    url = account.target.cli_variables["AWS_ENDPOINT_URL"]
    route = f"bedrock us-west-2 stability.stable-image-ultra-v1:1 retries=0 endpoint={url}"
    with account.with_variables("GenerateImageFunction", IMAGINEART_BACKENDS=route):
        answer = generates(account)
    assert answer.status_code == 502
    return answer.json()["error"]["code"] == "model_error"


def new_key() -> str:
    return f"probe-{time.time_ns()}"


def claims_a_key(account: AwsAccount) -> bool:
    return generates(account, **{"Idempotency-Key": new_key()}).status_code == 200


def replays(account: AwsAccount) -> bool:
    key = {"Idempotency-Key": new_key()}
    generates(account, **key)
    return generates(account, **key).headers.get("Idempotent-Replayed") == "true"


def record_of(account: AwsAccount, key: str) -> dict[str, Any]:
    """What is kept under a key that was answered; only one is new since the last was looked for."""
    items = account.client("dynamodb").scan(TableName=account.id_of("IdempotencyTable"))["Items"]
    return max(items, key=lambda item: int(item["in_progress_expiration"]["N"]))


def waits_for_an_earlier_request(account: AwsAccount) -> bool:
    """The earlier one holds its key for another second, and never answers."""
    key = new_key()
    generates(account, **{"Idempotency-Key": key})
    unfinished = record_of(account, key) | {
        "status": {"S": "INPROGRESS"},
        "in_progress_expiration": {"N": str(int(time.time() * 1000) + 3000)},
    }
    account.client("dynamodb").put_item(TableName=account.id_of("IdempotencyTable"), Item=unfinished)
    return generates(account, **{"Idempotency-Key": key}).status_code == 200


def frees_the_key_of_a_failure(account: AwsAccount) -> bool:
    key = {"Idempotency-Key": new_key()}
    with client(account) as caller:
        upload = caller.post("/v1/uploads", data={"content_type": "image/png", "size": "1"}).json()["id"]
        caller.post("/v1/images/edits", data=SMALL | {"images": upload}, headers=key)
        files = [("images", ("a.png", sample("png"), "image/png"))]
        return caller.post("/v1/images/edits", data=SMALL, files=files, headers=key).status_code == 200


def makes_a_lost_answer_anew(account: AwsAccount) -> bool:
    key = {"Idempotency-Key": new_key()}
    generates(account, **key)
    bucket = account.id_of("IdempotencyBucket")
    objects = account.client("s3")
    for each in objects.list_objects_v2(Bucket=bucket)["Contents"]:
        objects.delete_object(Bucket=bucket, Key=each["Key"])
    return generates(account, **key).status_code == 200


def upload(caller: httpx.Client, content: bytes) -> tuple[str, int]:
    """The id of an upload, and the status of its PUT."""
    form = {"content_type": "image/png", "size": str(len(content))}
    granted = caller.post("/v1/uploads", data=form).raise_for_status().json()
    put = httpx.put(granted["url"], content=content, headers=granted["headers"], timeout=WAIT_SECONDS)
    return granted["id"], put.status_code


def takes_uploads(account: AwsAccount) -> bool:
    with client(account) as caller:
        return upload(caller, sample("png"))[1] == 200


def edits_uploads(account: AwsAccount) -> bool:
    with client(account) as caller:
        upload_id, _ = upload(caller, sample("png"))
        return caller.post("/v1/images/edits", data=SMALL | {"images": upload_id}).status_code == 200


def tells_that_nothing_was_uploaded(account: AwsAccount) -> bool:
    with client(account) as caller:
        upload_id = caller.post("/v1/uploads", data={"content_type": "image/png", "size": "1"}).json()["id"]
        return caller.post("/v1/images/edits", data=SMALL | {"images": upload_id}).status_code == 400


def reviews_tokens(account: AwsAccount) -> bool:
    """With an internal token, whose marks are looked up."""
    consumer = f"probe-{time.time_ns()}"
    account.target.succeed(f"consumer create {consumer}")
    account.target.succeed(f"token create {consumer} --internal")
    name = f"{account.id_of('ReviewTokensFunction')}:{ALIAS}"
    invoked = account.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    return "FunctionError" not in invoked and json.load(invoked["Payload"])["live"] >= 1


PROBES: dict[tuple[str, str], Callable[[AwsAccount], bool]] = {
    ("FindToken", "dynamodb:GetItem"): lists_models,
    ("MarkToken", "dynamodb:UpdateItem"): revokes_a_token_sent_in_the_open,
    ("CountRequest", "dynamodb:UpdateItem"): lists_models,
    ("CountRequest", "dynamodb:GetItem"): refuses_a_consumer_that_is_gone,
    ("CountUsage", "dynamodb:UpdateItem"): counts_usage,
    ("ReadTokenSecrets", "secretsmanager:GetSecretValue"): lists_models_after_a_cold_start,
    ("ReadBackendCredential", "secretsmanager:GetSecretValue"): paints_after_a_cold_start,
    ("InvokeBedrockModels", "bedrock:InvokeModel"): reaches_bedrock,
    ("ListTokens", "dynamodb:Scan"): reviews_tokens,
    ("ListTokens", "dynamodb:GetItem"): reviews_tokens,
    ("ReadInternalTokens", "secretsmanager:GetSecretValue"): reviews_tokens,
    ("ClaimKey", "dynamodb:PutItem"): claims_a_key,
    ("ClaimKey", "dynamodb:GetItem"): waits_for_an_earlier_request,
    ("ClaimKey", "dynamodb:UpdateItem"): replays,
    ("ClaimKey", "dynamodb:DeleteItem"): frees_the_key_of_a_failure,
    ("KeepResponse", "s3:PutObject"): replays,
    ("KeepResponse", "s3:GetObject"): replays,
    ("DetectMissingResponse", "s3:ListBucket"): makes_a_lost_answer_anew,
    ("PutUpload", "s3:PutObject"): takes_uploads,
    ("ReadUpload", "s3:GetObject"): edits_uploads,
    ("DetectMissingUpload", "s3:ListBucket"): tells_that_nothing_was_uploaded,
}
