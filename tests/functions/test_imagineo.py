"""ImagineoAI's REST API: a prompt becomes a run, whose image is at a URL; errors are in its own words."""

import io
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from imagineart.access.tokens import Scope, Token
from local.chosen_models import VARIABLES, document_of
from tests.fault_backend import Response
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment
from tests.functions.generating_backend import GeneratingBackend, always, colour_of
from tests.functions.test_logs import log_to_this_tests_output, logged_lines
from tests.functions.test_routes import IMAGINEO

MUG = "A blue ceramic coffee mug on a wooden table"
OF_THE_SEED = {
    "positive_prompt": MUG,
    "negative_prompt": "blurry, low quality",
    "model_id": "text-to-image",
    "lora_weight": 0.8,
    "guidance": 7.5,
    "width": 1024,
    "height": 1024,
}


def imagineo(api: Deployment, token: Token | None = None, **headers: str) -> httpx.Client:
    """A client as ImagineoAI's documentation describes it."""
    key = {"X-API-Key": token.text} if token else {}
    client = api.client(**key, **headers)
    client.base_url = client.base_url.join("/imagineo/v1/")
    return client


@pytest.fixture
def token(own_api: Deployment) -> Token:
    return own_api.issue_token("acme", concurrent_requests=2)


@pytest.fixture
def client(own_api: Deployment, token: Token) -> Iterator[httpx.Client]:
    """A client of an API whose queue no other test fills."""
    with imagineo(own_api, token) as client:
        yield client


def generate(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    """The run of a generation that is accepted."""
    response = client.post("generate", json={"positive_prompt": MUG} | fields)
    assert response.status_code == 200, response.text
    run: dict[str, Any] = response.json()
    return run


def generation(client: httpx.Client, run: dict[str, Any]) -> dict[str, Any]:
    response = client.get(f"generations/{run['run_id']}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def error_of(response: httpx.Response, status: int, code: str) -> str:
    """Assert the whole error; return its message."""
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/json")
    error = response.json()["error"]
    assert response.json() == {"error": {"code": code, "message": error["message"]}}
    assert response.headers["X-Request-Id"]
    message: str = error["message"]
    return message


def change_models(api: Deployment, backend: GeneratingBackend, kind: str, *, lora: str = "") -> None:
    """Apply the package's models over another kind of backend, before the functions have read any."""
    route = f"{kind} {backend.base_url} another-model retries=0 {lora}"
    api.operator.manage_models.apply(document_of(dict.fromkeys(VARIABLES, route)))


# From a prompt to an image


def test_a_prompt_becomes_an_image_at_a_url_that_needs_no_key(
    own_api: Deployment, client: httpx.Client
) -> None:
    run = generate(client)
    assert run.keys() == {"run_id", "status", "estimated_time"}
    assert (run["run_id"][:4], run["status"], run["estimated_time"]) == ("gen_", "queued", 10)
    assert generation(client, run) == {"run_id": run["run_id"], "status": "queued", "progress": 0}
    own_api.work_off()
    completed = generation(client, run)
    url = completed.pop("image_url")
    assert completed == {"run_id": run["run_id"], "status": "completed", "progress": 100}
    assert url.startswith("https://api.local/results/res_")
    assert url.endswith(".png")
    assert generation(client, run)["image_url"] == url
    with own_api.client() as anonymous:
        response = anonymous.get(url)
    image = Image.open(io.BytesIO(response.content), formats=["PNG"])
    assert (image.size, image.getpixel((5, 5))) == ((1024, 1024), colour_of(MUG))
    assert own_api.objects("JobsBucket") == []


def test_the_size_that_was_asked_for_is_delivered(own_api: Deployment, client: httpx.Client) -> None:
    sizes = [(64, 64), (512, 768), (4096, 512), (1104, 4032), (2104, 2112)]
    runs = [generate(client, width=width, height=height) for width, height in sizes]
    own_api.work_off()
    with own_api.client() as anonymous:
        contents = [anonymous.get(generation(client, run)["image_url"]).content for run in runs]
    assert [Image.open(io.BytesIO(each)).size for each in contents] == sizes


def test_every_parameter_reaches_a_backend_that_knows_it(
    own_api: Deployment, client: httpx.Client, backend: GeneratingBackend
) -> None:
    change_models(own_api, backend, "vllm-omni", lora="lora=/loras/mugs")
    for fields in (OF_THE_SEED, {"positive_prompt": MUG}):
        generate(client, **fields)
        own_api.work_off()
    asked, bare = (request.json for request in backend.requests)
    steering = {"negative_prompt": "blurry, low quality", "guidance_scale": 7.5}
    assert {name: asked.get(name) for name in steering} == steering
    assert (asked["prompt"], asked["size"], asked["lora"]["scale"]) == (MUG, "1024x1024", 0.8)
    assert steering.keys() & bare.keys() == set()
    assert bare["lora"] == {"name": "/loras/mugs", "path": "/loras/mugs", "scale": 1.0}


def test_a_running_generation_says_how_far_it_is(own_api: Deployment, client: httpx.Client) -> None:
    run = generate(client)
    jobs, table = own_api.aws("dynamodb"), own_api.references["JobsTable"]
    (item,) = [item for item in jobs.scan(TableName=table)["Items"] if "state" in item]
    for seconds, least, most in ((-5, 0, 0), (6, 60, 94), (3_600, 95, 95)):
        started = {"state": {"S": "processing"}, "started_at": {"N": str(time.time() - seconds)}}
        jobs.put_item(TableName=table, Item=item | started)
        found = generation(client, run)
        assert found["status"] == "processing"
        assert least <= found["progress"] <= most


def test_the_estimate_counts_what_the_consumer_has_in_the_queue(client: httpx.Client) -> None:
    assert [generate(client)["estimated_time"] for _ in range(6)] == [10, 10, 20, 20, 30, 30]


def test_a_generation_that_fails_says_why(
    own_api: Deployment, client: httpx.Client, backend: GeneratingBackend
) -> None:
    backend.reply = always(Response(401))
    run = generate(client)
    own_api.work_off()
    failed = generation(client, run)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "model_auth_error")
    assert "credential" in failed["error"]["message"]
    assert "image_url" not in failed
    assert own_api.objects("ResultsBucket") == []


def test_a_key_makes_one_run(own_api: Deployment, client: httpx.Client) -> None:
    client.headers["Idempotency-Key"] = "a-key"
    responses = [client.post("generate", json={"positive_prompt": MUG}) for _ in range(2)]
    assert responses[0].content == responses[1].content
    assert [each.headers["Idempotent-Replayed"] for each in responses] == ["false", "true"]
    message = error_of(client.post("generate", json={"positive_prompt": "x"}), 400, "invalid_parameter")
    assert message.startswith("Invalid value for parameter 'Idempotency-Key'. ")
    assert own_api.work_off() == 1


# Models


def test_the_models_of_the_account_are_listed(api: Deployment) -> None:
    described = {
        "id": "text-to-image",
        "name": "ImagineArt 2.0",
        "description": "Images from a prompt",
        "created_at": "2026-11-21T00:00:00Z",
    }
    for models, listed in ((None, [described]), (frozenset({"image-edit"}), [])):
        with imagineo(api, api.issue_token(models=models)) as client:
            assert client.get("models").json() == {"models": listed}


def test_a_model_is_chosen_by_its_id_and_refused_by_name(client: httpx.Client) -> None:
    assert generate(client, model_id="text-to-image")["status"] == "queued"
    message = error_of(
        client.post("generate", json={"positive_prompt": MUG, "model_id": "mugs"}), 400, "invalid_parameter"
    )
    assert message == "Invalid value for parameter 'model_id'. Must be text-to-image. Got 'mugs'."


# Refused


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"guidance": 20.5}, "'guidance'. Must be between 1 and 20. Got '20.5'."),
        ({"guidance": "high"}, "'guidance'. Must be between 1 and 20. Got the text 'high'."),
        ({"lora_weight": -0.1}, "'lora_weight'. Must be between 0 and 2. Got '-0.1'."),
        ({"width": 60}, "'width'. Must be an integer from 64 to 4096 (a multiple of 8). Got '60'."),
        ({"height": 1001}, "'height'. Must be an integer from 64 to 4096 (a multiple of 8). Got '1001'."),
        ({"height": 4104}, "'height'. Must be an integer from 64 to 4096 (a multiple of 8). Got '4104'."),
        (
            {"width": 4096, "height": 4096},
            "'width'. Must be up to 4096x4096 and 4,460,544 pixels in all, for the model 'text-to-image'. "
            "Got 4096x4096.",
        ),
        (
            {"positive_prompt": " "},
            "'positive_prompt'. Must be 1 to 4000 characters. Got 0 characters after trimming.",
        ),
        (
            {"negative_prompt": "x" * 4001},
            "'negative_prompt'. Must be 0 to 4000 characters. Got 4001 characters after trimming.",
        ),
        (
            {"negative_prompt": "rain"},
            "'negative_prompt'. The model 'text-to-image' does not support it; leave it out.",
        ),
        ({"guidance": 7.5}, "'guidance'. The model 'text-to-image' does not support it; leave it out."),
        ({"lora_weight": 0.8}, "'lora_weight'. The model 'text-to-image' does not support it; leave it out."),
    ],
)
def test_a_bad_parameter_is_named_with_what_is_allowed_and_what_came(
    api: Deployment, fields: dict[str, Any], message: str
) -> None:
    with imagineo(api, api.issue_token()) as client:
        refused = client.post("generate", json={"positive_prompt": MUG} | fields)
    assert error_of(refused, 400, "invalid_parameter") == f"Invalid value for parameter {message}"


def test_a_body_that_is_not_of_this_api_is_refused(api: Deployment) -> None:
    with imagineo(api, api.issue_token()) as client:
        for body, named in (
            ({"json": {}}, "'positive_prompt'"),
            ({"json": {"positive_prompt": MUG, "steps": 5}}, "'body'. Got the unknown field 'steps'"),
            ({"data": {"positive_prompt": MUG}}, "application/json"),
            ({"content": b"{", "headers": {"Content-Type": "application/json"}}, "JSON"),
        ):
            assert named in error_of(client.post("generate", **body), 400, "invalid_parameter")


def test_without_a_key_or_with_a_wrong_one_nothing_is_done(own_api: Deployment, token: Token) -> None:
    for wrong, code in (({}, "missing_api_key"), ({"X-API-Key": "key"}, "invalid_api_key")):
        with imagineo(own_api, **wrong, Authorization=f"Bearer {token.text}") as client:
            for response in (
                client.post("generate", json={"positive_prompt": MUG}),
                client.get("generations/gen_0VgmOYqWefVKgh92NSUxWG"),
                client.get("models"),
            ):
                message = error_of(response, 401, code)
                assert ("X-API-Key" in message) == (code == "missing_api_key")
    assert own_api.work_off() == 0


def test_a_key_without_the_scope_is_forbidden(api: Deployment) -> None:
    reader = api.issue_token(scopes=frozenset({Scope.READ_MODELS}))
    with imagineo(api, reader) as client:
        assert client.get("models").status_code == 200
        refused = client.post("generate", json={"positive_prompt": MUG})
    assert "images:generate" in error_of(refused, 403, "forbidden")


def test_each_api_knows_its_own_runs_alone_and_each_consumer_too(
    own_api: Deployment, client: httpx.Client, token: Token
) -> None:
    run_id = generate(client)["run_id"]
    with own_api.client(token, Prefer="respond-async") as of_v1:
        made = of_v1.post("/v1/images/generations", json={"prompt": MUG}).json()["id"]
        assert [job["id"] for job in of_v1.get("/v1/jobs").json()["data"]] == [made]
        assert of_v1.delete(f"/v1/jobs/{run_id.replace('gen_', 'job_')}").status_code == 404
    unknown = [made, made.replace("job_", "gen_"), "gen_", run_id + "0"]
    with imagineo(own_api, own_api.issue_token("other")) as other:
        answers = [client.get(f"generations/{each}") for each in unknown] + [
            other.get(f"generations/{run_id}")
        ]
    for response in answers:
        assert "No generation has the run_id" in error_of(response, 404, "not_found")


def test_the_limit_is_in_every_response_and_refuses_what_exceeds_it(api: Deployment) -> None:
    with imagineo(api, api.issue_token(requests_per_minute=2)) as client:
        # A minute may end between two of the requests, but not between all.
        responses = [client.get("models") for _ in range(6)]
    names = ("Limit", "Remaining", "Reset")
    limit, remaining, reset = (responses[0].headers[f"X-RateLimit-{name}"] for name in names)
    assert (limit, remaining) == ("2", "1")
    assert 0 < int(reset) - time.time() <= 60
    refused = next(each for each in responses if each.status_code != 200)
    assert "2 requests a minute" in error_of(refused, 429, "rate_limited")
    assert (refused.headers["X-RateLimit-Remaining"], int(refused.headers["Retry-After"]) > 0) == ("0", True)


@pytest.mark.parametrize("path", IMAGINEO)
def test_a_wrong_method_or_path_is_told_the_right_ones(api: Deployment, path: str) -> None:
    with imagineo(api) as client:
        response = client.put(f"https://api.local{path}")
        assert error_of(response, 404, "not_found") == (
            f"{path} does not support PUT; allowed: {IMAGINEO[path]}."
        )
        assert response.headers["Allow"] == IMAGINEO[path]
        message = error_of(client.get("images"), 404, "not_found")
    assert [known for known in IMAGINEO if known not in message] == []


def test_a_table_that_is_lost_is_a_500(own_api: Deployment, client: httpx.Client) -> None:
    own_api.aws("dynamodb").delete_table(TableName=own_api.references["JobsTable"])
    error_of(client.post("generate", json={"positive_prompt": MUG}), 500, "internal_error")


def test_a_prompt_is_logged_only_where_the_operator_wants_it(
    deploy: Deploy, capsys: pytest.CaptureFixture[str]
) -> None:
    for wanted in ("false", "true"):
        api = deploy(log_to_this_tests_output, LogPrompts=wanted)
        with imagineo(api, api.issue_token()) as client:
            run = generate(client)
        (line,) = logged_lines(capsys)
        assert (line["path"], line["outcome"]) == ("/imagineo/v1/generate", "accepted")
        assert line["job"] == run["run_id"].replace("gen_", "job_")
        assert line.get("prompt") == (MUG if wanted == "true" else None)
