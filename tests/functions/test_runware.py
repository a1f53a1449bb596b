"""Runware's task API over HTTP: an array of tasks in, results and errors out."""

import base64
import io
import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image, ImageChops

from imagineart.access.tokens import Scope
from tests.fault_backend import Response
from tests.functions.deployment import Deployment, open_png
from tests.functions.generating_backend import GeneratingBackend, always, colour_of
from tests.receiver import Receiver
from tests.sample_images import encode, gradient, sample

AIR = "imagineart:2.0@0"
EDIT = {"width": 1536, "height": 1536}


def inference(**fields: Any) -> dict[str, Any]:
    """A task of one small image."""
    return {
        "taskType": "imageInference",
        "taskUUID": str(uuid.uuid4()),
        "model": AIR,
        "positivePrompt": "a lighthouse",
        "width": 1024,
        "height": 1024,
    } | fields


def post(client: httpx.Client, *tasks: Any) -> httpx.Response:
    return client.post("/runware/v1", json=list(tasks))


def test_an_image_is_made_and_fetched_at_its_url(client: httpx.Client, api: Deployment) -> None:
    task = inference(outputFormat="PNG", seed=7, width=1360, height=768)
    response = post(client, task)
    assert response.status_code == 200, response.text
    assert response.json().keys() == {"data"}
    (result,) = response.json()["data"]
    assert (result["taskUUID"], result["seed"]) == (task["taskUUID"], 7)
    with api.client() as anybody:
        image = open_png(anybody.get(result["imageURL"]).content)
    assert (image.size, image.getpixel((5, 5))) == ((1360, 768), colour_of("a lighthouse"))


def test_a_key_may_come_as_the_first_task(api: Deployment) -> None:
    token = api.issue_token()
    with api.client() as client:
        response = post(
            client, {"taskType": "authentication", "apiKey": token.text}, {"taskType": "ping", "ping": True}
        )
        assert response.json() == {"data": [{"taskType": "ping", "pong": True}]}


@pytest.fixture
def own_client(own_api: Deployment) -> Iterator[httpx.Client]:
    """A client of an API whose queue no other test fills."""
    with own_api.client(own_api.issue_token("acme", images_per_day=20)) as client:
        yield client


def poll(client: httpx.Client, task_uuid: str) -> dict[str, Any]:
    response = post(client, {"taskType": "getResponse", "taskUUID": task_uuid})
    document: dict[str, Any] = response.json()
    return document


def test_an_async_task_is_acknowledged_and_polled(own_api: Deployment, own_client: httpx.Client) -> None:
    task = inference(deliveryMethod="async", numberResults=2, seed=5, outputFormat="PNG", includeCost=True)
    acknowledged = {"data": [{"taskType": "imageInference", "taskUUID": task["taskUUID"]}]}
    assert post(own_client, task).json() == acknowledged
    assert post(own_client, task).json() == acknowledged
    early = poll(own_client, task["taskUUID"])["data"]
    assert [each["status"] for each in early] == ["processing"] * 2
    assert not [name for each in early for name in each if name.endswith(("URL", "Data", "URI"))]
    assert own_api.work_off() == 1
    results = poll(own_client, task["taskUUID"])["data"]
    assert [(each["status"], each["seed"], each["cost"]) for each in results] == [
        ("success", 5, 0.03), ("success", 6, 0.03),
    ]  # fmt: skip
    assert [each["imageUUID"] for each in results] == [each["imageUUID"] for each in early]
    with own_api.client() as anybody:
        assert {anybody.get(each["imageURL"]).status_code for each in results} == {200}


def test_a_task_whose_job_was_never_kept_is_accepted_again(
    own_api: Deployment, own_client: httpx.Client
) -> None:
    """As after a crash between the two writes of its acceptance."""
    task = inference(deliveryMethod="async")
    post(own_client, task)
    own_api.work_off()
    jobs, table = own_api.aws("dynamodb"), own_api.references["JobsTable"]
    (job,) = [item for item in jobs.scan(TableName=table)["Items"] if item["id"]["S"].startswith("job_")]
    jobs.delete_item(TableName=table, Key={name: job[name] for name in ("consumer_id", "id")})
    (error,) = poll(own_client, task["taskUUID"])["errors"]
    assert error["code"] == "taskNotFound"
    assert post(own_client, task).status_code == 200
    own_api.work_off()
    (result,) = poll(own_client, task["taskUUID"])["data"]
    assert result["status"] == "success"


def test_a_failed_async_task_is_an_error_with_its_uuid(
    own_api: Deployment, own_client: httpx.Client, backend: GeneratingBackend
) -> None:
    backend.reply = always(Response(500))
    task = inference(deliveryMethod="async")
    post(own_client, task)
    own_api.work_off()
    document = poll(own_client, task["taskUUID"])
    (error,) = document["errors"]
    assert (document["data"], error["code"], error["status"]) == ([], "inferenceError", "error")
    assert error["taskUUID"] == task["taskUUID"]


def test_a_repeated_task_makes_no_second_image(
    own_api: Deployment, own_client: httpx.Client, backend: GeneratingBackend
) -> None:
    task = inference()
    first, second = post(own_client, task), post(own_client, task)
    assert first.json() == second.json()
    assert len(backend.requests) == 1
    assert sum(row.images for row in own_api.usage("acme")) == 1


@pytest.mark.parametrize("method", ["sync", "async"])
def test_another_task_under_the_same_uuid_is_a_conflict(client: httpx.Client, method: str) -> None:
    task = inference(deliveryMethod=method)
    assert post(client, task).status_code == 200
    other_method = "async" if method == "sync" else "sync"
    for change in ({"positivePrompt": "a castle"}, {"deliveryMethod": other_method}):
        response = post(client, task | change)
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["parameter"]) == (
            400, "conflictTaskUUID", "taskUUID",
        )  # fmt: skip


def test_references_come_in_every_form(client: httpx.Client) -> None:
    encoded = base64.b64encode(sample("PNG")).decode()
    made = post(client, inference(outputFormat="PNG")).json()["data"][0]["imageUUID"]
    for reference in (encoded, f"data:image/png;base64,{encoded}", made):
        task = inference(inputs={"referenceImages": [reference]}, **EDIT, includeCost=True)
        response = post(client, task)
        assert response.json()["data"][0]["cost"] == 0.057, response.text
    task = inference(inputs={"referenceImages": [str(uuid.uuid4())]}, **EDIT)
    assert post(client, task).json()["error"]["code"] == "invalidReferenceImages"


@pytest.mark.parametrize("method", ["sync", "async"])
def test_an_image_that_was_made_is_a_reference_for_its_consumer_alone(
    own_api: Deployment, own_client: httpx.Client, method: str
) -> None:
    task = inference(deliveryMethod=method)
    response = post(own_client, task).json()
    if method == "async":
        own_api.work_off()
        response = poll(own_client, task["taskUUID"])
    (made,) = response["data"]
    edit = inference(inputs={"referenceImages": [made["imageUUID"]]}, **EDIT)
    with own_api.client(own_api.issue_token()) as stranger:
        assert post(stranger, edit).json()["error"]["code"] == "invalidReferenceImages"
    assert len(post(own_client, edit).json()["data"]) == 1


def test_outputs_are_given_as_they_were_asked_for(client: httpx.Client) -> None:
    for output_format, kind in (("JPG", "JPEG"), ("PNG", "PNG"), ("WEBP", "WEBP")):
        (result,) = post(client, inference(outputType="base64Data", outputFormat=output_format)).json()[
            "data"
        ]
        assert Image.open(io.BytesIO(base64.b64decode(result["imageBase64Data"]))).format == kind
    (result,) = post(client, inference(outputType="dataURI")).json()["data"]
    assert result["imageDataURI"].startswith("data:image/jpeg;base64,")


def test_one_failed_task_does_not_fail_the_others(client: httpx.Client) -> None:
    bad = inference(numberResults=21)
    response = post(client, bad, inference(seed=3))
    assert response.status_code == 200
    document = response.json()
    assert [each["seed"] for each in document["data"]] == [3]
    assert document["errors"] == [
        {
            "code": "invalidNumberResults",
            "message": "numberResults: got '21'; allowed: an integer of 1 to 20.",
            "parameter": "numberResults",
            "taskType": "imageInference",
            "taskUUID": bad["taskUUID"],
            "type": "integer",
            "min": 1,
            "max": 20,
            "documentation": "docs/runware.md#errors",
        }
    ]


@pytest.mark.parametrize(
    ("fields", "code", "parameter"),
    [
        ({"steps": 30}, "unsupportedParameter", "steps"),
        ({"advancedFeatures": {"watermark": {"text": "ab", "fontColor": "red"}}}, "invalidFontColor",
         "advancedFeatures.watermark.fontColor"),
        ({"routing": {}}, "unsupportedParameter", "routing"),
        ({"outputType": "base64Data", "ttl": 60}, "incompatibleParameters", "ttl"),
        ({"outputType": "dataURI", "webhookURL": "https://a.b/"}, "incompatibleParameters", "outputType"),
        ({"uploadEndpoint": "http://a.example/"}, "invalidUploadEndpoint", "uploadEndpoint"),
        ({"positivePrompt": "a"}, "invalidPositivePrompt", "positivePrompt"),
        ({"positivePrompt": "a" * 3001}, "invalidPositivePrompt", "positivePrompt"),
        ({"width": 512, "height": 512}, "invalidDimensions", "width"),
        ({"height": None}, "missingHeight", "height"),
        ({"model": "runware:101@1"}, "invalidModel", "model"),
        ({"resolution": "1.5K"}, "unsupportedParameter", "resolution"),
        ({"outputQuality": 100}, "invalidOutputQuality", "outputQuality"),
        ({"ttl": 59}, "invalidTtl", "ttl"),
        ({"seed": 2**63 - 1, "numberResults": 2}, "invalidSeed", "seed"),
        ({"settings": {"thinkingLevel": "deep"}}, "invalidThinkingLevel", "settings.thinkingLevel"),
        ({"taskUUID": "1"}, "invalidTaskUUID", "taskUUID"),
        ({"taskType": "videoInference"}, "invalidTaskType", "taskType"),
        ({"inputs": {"referenceImages": ["eA=="]}, "settings": {}}, "incompatibleParameters", "settings"),
        (EDIT | {"inputs": {"referenceImages": ["http://x"]}}, "invalidReferenceImages",
         "inputs.referenceImages"),
    ],
)  # fmt: skip
def test_a_bad_field_is_refused_by_name(
    client: httpx.Client, fields: dict[str, Any], code: str, parameter: str
) -> None:
    task = inference(**fields)
    response = post(client, task)
    document = response.json()
    assert (response.status_code, document["data"], document["errors"]) == (400, [], [document["error"]])
    assert (document["error"]["code"], document["error"]["parameter"]) == (code, parameter)
    assert document["error"]["taskUUID"] == task["taskUUID"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[",
        b'[{"\\ud800": 1}]',
        b'["\xed\xa0\x80"]',
        b"[" * 100_000,
        b"[NaN]",
        b"[" + b"9" * 5000 + b"]",
    ],
)
def test_a_body_that_is_no_array_of_tasks_is_refused(client: httpx.Client, body: bytes) -> None:
    response = client.post("/runware/v1", content=body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalidJSON")


def test_tasks_of_one_array_wait_for_the_slots_of_their_consumer(api: Deployment) -> None:
    with api.client(api.issue_token(concurrent_requests=1)) as client:
        document = post(client, *(inference(seed=seed) for seed in range(3))).json()
    assert [each["seed"] for each in document["data"]] == [0, 1, 2]


def test_a_caller_without_a_key_is_told_so(api: Deployment) -> None:
    with api.client() as client:
        for first, code in ((inference(), "missingApiKey"), (
            {"taskType": "authentication", "apiKey": "wrong"}, "invalidApiKey",
        )):  # fmt: skip
            response = post(client, first, inference())
            assert (response.status_code, response.json()["error"]["code"]) == (401, code)
        # No more of a body is looked at than an element of authentication can have.
        key = {"taskType": "authentication", "apiKey": api.issue_token().text}
        assert post(client, {"padding": "x" * 3000} | key).status_code == 401


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def test_each_result_of_a_task_has_a_webhook(
    own_api: Deployment, own_client: httpx.Client, receiver: Receiver
) -> None:
    task = inference(webhookURL=receiver.url, numberResults=2, seed=5)
    assert post(own_client, task).json()["data"] == [
        {"taskType": "imageInference", "taskUUID": task["taskUUID"]}
    ]
    own_api.work_off()
    results = [json.loads(each.body)["data"] for each in receiver.requests]
    assert sorted(result["seed"] for (result,) in results) == [5, 6]
    assert {len(each.headers["webhook-signature"].split()) for each in receiver.requests} == {1}
    polled = poll(own_client, task["taskUUID"])["data"]
    assert {result["imageURL"] for (result,) in results} == {each["imageURL"] for each in polled}


@pytest.mark.parametrize("method", ["sync", "async"])
def test_an_image_is_put_to_the_upload_endpoint(
    own_api: Deployment, own_client: httpx.Client, receiver: Receiver, method: str
) -> None:
    task = inference(uploadEndpoint=receiver.url, deliveryMethod=method)
    assert "errors" not in post(own_client, task).json()
    own_api.work_off()
    # A job that has ended does not keep the URL.
    kept = own_api.aws("dynamodb").scan(TableName=own_api.references["JobsTable"])["Items"]
    assert "a-secret-of-the-receiver" not in str(kept)
    (upload,) = receiver.requests
    assert (upload.method, upload.headers["content-type"]) == ("PUT", "image/jpeg")
    assert Image.open(io.BytesIO(upload.body)).size == (1024, 1024)


@pytest.mark.parametrize("method", ["sync", "async"])
def test_an_upload_that_is_refused_fails_the_task(
    own_api: Deployment, own_client: httpx.Client, receiver: Receiver, method: str
) -> None:
    receiver.answers = [(403, {})]
    task = inference(uploadEndpoint=receiver.url, deliveryMethod=method)
    document = post(own_client, task).json()
    own_api.work_off()
    (error,) = (document if method == "sync" else poll(own_client, task["taskUUID"]))["errors"]
    assert (error["code"], error["taskUUID"]) == ("uploadFailed", task["taskUUID"])
    assert receiver.url not in error["message"]


@pytest.mark.parametrize("method", ["sync", "async"])
def test_content_is_checked_where_it_is_asked_for(
    own_api: Deployment, own_client: httpx.Client, method: str
) -> None:
    found = []
    for fields in ({"safety": {"checkContent": True}}, {"checkNSFW": True}, {"safety": {"mode": "none"}}):
        for prompt in ("a boat", "an nsfw boat"):
            task = inference(positivePrompt=prompt, deliveryMethod=method, **fields)
            document = post(own_client, task).json()
            own_api.work_off()
            (result,) = (document if method == "sync" else poll(own_client, task["taskUUID"]))["data"]
            found.append(result.get("NSFWContent"))
    assert found == [False, True, False, True, None, None]


def test_a_watermark_is_drawn_where_it_was_asked_for(own_api: Deployment, own_client: httpx.Client) -> None:
    def pixels(method: str, **watermark: Any) -> Image.Image:
        features = {"advancedFeatures": {"watermark": watermark}} if watermark else {}
        task = inference(outputFormat="PNG", outputType="base64Data", deliveryMethod=method, **features)
        document = post(own_client, task).json()
        own_api.work_off()
        data = (document if method == "sync" else poll(own_client, task["taskUUID"]))["data"]
        return open_png(base64.b64decode(data[0]["imageBase64Data"]))

    plain = pixels("sync")
    for method in ("sync", "async"):
        text = pixels(method, text="Acme", displayPosition="top-left", bgColor="#fff", opacity=1)
        left, top, right, bottom = ImageChops.difference(plain, text).getbbox() or (0, 0, 0, 0)
        assert (left > 0, top > 0, right < 512, bottom < 512) == (True,) * 4
        image = pixels(method, image=base64.b64encode(sample("PNG")).decode(), displayPosition="bottom-right")
        left, top, *_ = ImageChops.difference(plain, image).getbbox() or (0, 0, 0, 0)
        assert (left > 512, top > 512) == (True, True)


def test_a_watermark_has_either_text_or_an_image(client: httpx.Client) -> None:
    response = post(client, inference(advancedFeatures={"watermark": {"opacity": 1}}))
    assert response.json()["error"]["code"] == "incompatibleParameters"


def utility(task_type: str, **fields: Any) -> dict[str, Any]:
    return {"taskType": task_type, "taskUUID": str(uuid.uuid4())} | fields


def test_an_uploaded_image_can_be_named_shown_and_deleted(client: httpx.Client, api: Deployment) -> None:
    large = encode(gradient(3000, 1500), "PNG")
    upload = utility("imageUpload", image=f"data:image/png;base64,{base64.b64encode(large).decode()}")
    (kept,) = post(client, upload).json()["data"]
    with api.client() as anybody:
        assert open_png(anybody.get(kept["imageURL"]).content).size == (2048, 1024)
    (media,) = post(
        client, utility("mediaStorage", operation="upload", media=base64.b64encode(large).decode())
    ).json()["data"]
    edit = {"inputs": {"referenceImages": [kept["imageUUID"], media["mediaUUID"]]}, "resolution": "1.5K"}
    task = inference(**edit, width=None, height=None, outputFormat="PNG")
    (result,) = post(client, task).json()["data"]
    with api.client() as anybody:
        assert open_png(anybody.get(result["imageURL"]).content).size == (2048, 1152)
    with api.client(api.issue_token()) as stranger:
        assert post(stranger, inference(**edit, **EDIT)).status_code == 400
    deletion = utility("mediaStorage", operation="delete", media=media["mediaUUID"])
    assert post(client, deletion).json()["data"][0]["mediaUUID"] == media["mediaUUID"]
    again = post(client, inference(**edit, width=None, height=None)).json()
    assert again["error"]["parameter"] == "inputs.referenceImages"


def test_a_caller_finds_its_account_its_models_and_its_tasks(
    own_api: Deployment, own_client: httpx.Client
) -> None:
    account, models = post(
        own_client, utility("accountManagement", operation="getDetails"), utility("modelSearch", search="2.0")
    ).json()["data"]
    assert (account["organizationName"], len(account["apiKeys"])) == ("acme", 1)
    assert (models["totalResults"], models["results"][0]["air"]) == (1, AIR)
    task = inference(deliveryMethod="async", positivePrompt="a windmill")
    post(own_client, task)
    own_api.work_off()
    (details,) = post(own_client, utility("getTaskDetails", taskUUID=task["taskUUID"])).json()["data"]
    assert details["request"][0]["positivePrompt"] == "a windmill"
    assert details["response"]["data"] == poll(own_client, task["taskUUID"])["data"]
    for unknown in (str(uuid.uuid4()), "x"):
        assert post(own_client, utility("getResponse", taskUUID=unknown)).status_code == 400


def test_each_task_needs_its_scope_and_counts(api: Deployment) -> None:
    token = api.issue_token(scopes=frozenset({Scope.GENERATE_IMAGES}), requests_per_minute=3)
    with api.client(token) as client:
        edit = inference(inputs={"referenceImages": ["eA=="]}, **EDIT)
        tasks = (edit, utility("modelSearch"), utility("modelSearch"), utility("modelSearch"))
        document = post(client, *tasks).json()
        assert len(document["data"]) == 2
        codes = [error["code"] for error in document["errors"]]
        assert codes == ["insufficientPermissions", "rateLimitExceeded"]
