"""ImagineLab's generations: from the order to the output, and what each does to its account's credits."""

import json

import httpx
import pytest

from imagineart.access.consumer_items import window_name
from imagineart.access.consumer_store import ConsumerStore
from imagineart.aws import AwsCallError
from imagineart.credits.change_credits import Credits
from tests.fault_backend import Response
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment, open_png
from tests.functions.generating_backend import GeneratingBackend, always
from tests.functions.test_imaginelab_accounts import BASE, Person, assert_detail

ORDER = {
    "generation_type": "image",
    "model_name": "seedream-5.0-lite",
    "prompt": "A neon city skyline at dusk",
}


class Customer(Person):
    """Somebody with a session and credits."""

    def __init__(self, api: Deployment, credits: int) -> None:
        super().__init__(api)
        self.id: int = self.sign_up().json()["id"]
        self.client.headers.update(self.session())
        if credits:
            self.ledger.grant(self.id, credits, reference="a")

    @property
    def ledger(self) -> Credits:
        return self.api.operator.credits

    @property
    def balance(self) -> int:
        balance: int = self.client.get(f"{BASE}/auth/me").json()["credits"]
        return balance

    def order(self, **fields: object) -> httpx.Response:
        return self.post("/generations", **ORDER | fields)

    def get(self, path: object = "", **query: object) -> httpx.Response:
        return self.client.get(f"{BASE}/generations{path and f'/{path}'}", params=query)

    def delete(self, generation_id: object) -> httpx.Response:
        return self.client.delete(f"{BASE}/generations/{generation_id}")


@pytest.fixture
def customer(api: Deployment) -> Customer:
    return Customer(api, credits=20)


def test_an_image_is_ordered_polled_and_fetched_as_the_reference_shows(customer: Customer) -> None:
    ordered = customer.order(settings={"aspect_ratio": "16:9"})
    assert ordered.status_code == 201
    generation = ordered.json()
    assert 0 < generation["id"] < 2**53
    assert generation | {"id": 0, "created_at": ""} == {
        **ORDER,
        "id": 0,
        "user_id": customer.id,
        "settings": {"aspect_ratio": "16:9"},
        "project_id": None,
        "status": "pending",
        "credit_cost": 5,
        "created_at": "",
        "outputs": [],
        "error_message": None,
    }
    assert customer.balance == 15
    pending = customer.get(f"{generation['id']}/status").json()
    assert pending == {"id": generation["id"], "status": "pending", "progress": 0}
    customer.api.work_off()
    done = customer.get(f"{generation['id']}/status").json()
    assert done == {"id": generation["id"], "status": "completed", "progress": 100}
    (output,) = customer.get(generation["id"]).json()["outputs"]
    assert output.keys() == {"id", "type", "url", "created_at"}
    assert (output["id"], output["type"]) == (1, "image")
    fetched = customer.api.client().get(output["url"])
    assert open_png(fetched.content).size == (1408, 792)
    assert customer.balance == 15


def test_three_generations_at_a_time_can_be_polled_as_often_as_the_reference_does(customer: Customer) -> None:
    ids = [customer.order().json()["id"] for _ in range(3)]
    polls = [customer.get(f"{each}/status").status_code for _ in range(30) for each in ids]
    assert {*polls} == {200}


def test_a_generation_that_fails_says_why_and_gives_its_credits_back(
    customer: Customer, backend: GeneratingBackend
) -> None:
    backend.reply = always(Response(500))
    generation_id = customer.order().json()["id"]
    customer.api.work_off()
    generation = customer.get(generation_id).json()
    assert (generation["status"], generation["outputs"]) == ("failed", [])
    assert generation["error_message"]
    assert customer.balance == 20


def test_a_deleted_generation_costs_nothing_unless_it_was_completed(customer: Customer) -> None:
    first, second = (customer.order().json()["id"] for _ in range(2))
    assert customer.balance == 10
    assert customer.delete(first).json() == {"message": "Generation deleted successfully"}
    assert customer.balance == 15
    customer.api.work_off()
    (output,) = customer.get(second).json()["outputs"]
    assert customer.delete(second).status_code == 200
    assert customer.balance == 15
    assert customer.api.client().get(output["url"]).status_code == 404
    for generation_id in (first, second):
        assert_detail(customer.get(generation_id), 404, f"No generation has the id '{generation_id}'.")
        assert customer.delete(generation_id).status_code == 404


def test_too_few_credits_are_refused_before_anything_is_made(
    api: Deployment, backend: GeneratingBackend
) -> None:
    poor = Customer(api, credits=4)
    assert_detail(poor.order(), 402, "Insufficient credits")
    assert_detail(Customer(api, credits=0).order(), 402, "Insufficient credits")
    api.work_off()
    assert backend.requests == []
    assert poor.balance == 4


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"generation_type": "picture"}, "generation_type: got 'picture'; allowed: image, video, voice"),
        ({"model_name": "gpt-9"}, "model_name: got 'gpt-9'; allowed for image: text-to-image."),
        ({"prompt": ""}, "prompt: got 0 characters"),
        ({"prompt": " \u3000\n"}, "prompt: got 0 characters after trimming"),
        ({"prompt": "x" * 4_001}, "prompt: got 4001 characters; allowed for this model: 1 to 4000"),
        ({"prompt": 7}, "prompt: got '7'"),
        ({"settings": []}, "settings: got no object"),
        ({"settings": {"aspect_ratio": "7:1"}}, "settings.aspect_ratio: got '7:1'; allowed: 1:1, 16:9"),
        ({"settings": {"seed": -2}}, "settings.seed: got '-2'; allowed: an integer from -1 to"),
        ({"settings": {"steps": 3}}, "settings: got the unknown field 'steps'; allowed: aspect_ratio,"),
        ({"project_id": [1]}, "project_id: got a list; allowed: an integer"),
        ({"project_id": True}, "project_id: got 'true'; allowed: an integer"),
        ({"count": 2}, "form: got the unknown field 'count'"),
    ],
)
def test_a_bad_order_is_refused_by_name_and_costs_nothing(
    customer: Customer, fields: dict[str, object], named: str
) -> None:
    response = customer.order(**fields)
    assert response.status_code == 400
    assert response.json()["detail"].startswith(named)
    assert customer.balance == 20


def test_a_deeply_nested_project_is_refused_by_name(customer: Customer) -> None:
    depth = 5_000
    order = json.dumps(ORDER | {"project_id": "here"}).replace('"here"', '{"a":' * depth + "1" + "}" * depth)
    headers = {"Content-Type": "application/json"}
    response = customer.client.post(f"{BASE}/generations", content=order, headers=headers)
    assert response.status_code == 400
    assert response.json()["detail"].startswith("project_id: got an object; allowed: an integer")


def test_a_list_has_the_newest_first_in_parts_and_by_filters(customer: Customer) -> None:
    ids = [customer.order(project_id=project).json()["id"] for project in (7, "blue", 7)]
    customer.api.work_off()
    ids.append(customer.order().json()["id"])

    def listed(**query: object) -> tuple[list[int], int]:
        page = customer.get(**query).json()
        assert page.keys() == {"data", "count"}
        return [each["id"] for each in page["data"]], page["count"]

    assert listed() == (ids[::-1], 4)
    assert listed(skip=1, limit=2) == ([ids[2], ids[1]], 4)
    assert listed(status="pending") == ([ids[3]], 1)
    assert listed(status="completed", project_id="7", limit=1) == ([ids[2]], 2)
    assert listed(project_id="blue", generation_type="image") == ([ids[1]], 1)
    too_far = customer.get(skip=9_000, limit=1_001)
    assert_detail(too_far, 400, "skip: got 9000 with limit 1001; allowed: 10000 together.")
    assert customer.get(status="done").json()["detail"].startswith("status: got 'done'; allowed: ")


def test_a_page_that_no_response_can_hold_is_refused_by_name(own_api: Deployment) -> None:
    customer = Customer(own_api, credits=5)
    customer.order()
    dynamodb, table = own_api.aws("dynamodb"), {"TableName": own_api.references["JobsTable"]}
    (job,) = [item for item in dynamodb.scan(**table)["Items"] if item["id"]["S"].startswith("job_")]
    details = json.dumps(json.loads(job["details"]["S"]) | {"settings": {"instructions": "x" * 390_000}})
    for number in range(9):
        other = {"id": {"S": f"{job['id']['S'][:-1]}{number}"}, "details": {"S": details}}
        dynamodb.put_item(**table, Item=job | other)
    refused = customer.get(limit=9)
    assert_detail(refused, 400, "limit: got 9, with which the response is too large; allowed: fewer.")
    assert len(customer.get(limit=5).json()["data"]) == 5


def test_an_order_is_accepted_though_old_counters_cannot_be_deleted(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = {"TableName": customer.api.references["ConsumersTable"]}
    item = customer.api.consumer_item(f"account-{customer.id}")
    customer.api.aws("dynamodb").put_item(**table, Item=item | {window_name("minute", 0): {"N": "1"}})

    def fail(*_: object) -> None:
        raise AwsCallError("InternalServerError", detail="dynamodb update_item")

    monkeypatch.setattr(ConsumerStore, "forget_counters", fail)
    assert customer.order().status_code == 201


def test_nobody_sees_the_generations_of_another(customer: Customer, api: Deployment) -> None:
    generation_id = customer.order().json()["id"]
    other = Customer(api, credits=0)
    assert_detail(other.get(generation_id), 404, f"No generation has the id '{generation_id}'.")
    assert other.delete(generation_id).status_code == 404
    assert other.get().json() == {"data": [], "count": 0}
    for odd in ("x", "-1", "9" * 40, "1.5"):
        assert other.get(odd).status_code == 404


def test_the_models_are_listed_with_what_each_makes_and_costs(customer: Customer) -> None:
    listed = customer.get("models").json()
    assert all(each.keys() == {"name", "generation_type", "credit_cost"} for each in listed)
    assert [tuple(each.values()) for each in listed] == [
        ("text-to-image", "image", 5),
        ("text-to-speech", "voice", 3),
        ("text-to-image", "infographic", 10),
        ("text-to-text", "text", 2),
    ]


def test_a_model_may_have_a_price_of_its_own(deploy: Deploy) -> None:
    api = deploy()
    current = api.operator.manage_models.current().document
    models = [
        model.model_copy(update={"credits": 9} if model.id == "text-to-image" else {})
        for model in current.models
    ]
    document = current.model_copy(update={"models": tuple(models)})
    api.operator.manage_models.apply(document.model_dump_json(exclude_none=True))
    customer = Customer(api, credits=10)
    assert customer.get("models").json()[0]["credit_cost"] == 9
    assert customer.order().json()["credit_cost"] == 9
    assert customer.balance == 1


def test_what_a_crash_left_is_repaired_when_credits_are_shown_or_needed(deploy: Deploy) -> None:
    """Workers that crashed before they settled, and a request that crashed before its job was kept."""
    api = deploy()
    customer = Customer(api, credits=15)
    dynamodb, table = api.aws("dynamodb"), {"TableName": api.references["JobsTable"]}
    for _ in range(3):
        customer.order()
    jobs = [item for item in dynamodb.scan(**table)["Items"] if item["id"]["S"].startswith("job_")]
    for job, state in zip(jobs, ("completed", "failed", None), strict=True):
        # As if they were older than the grace of a repair.
        old = {**job, "id": {"S": f"job_00{job['id']['S'][6:]}"}, "state": {"S": state or ""}}
        dynamodb.delete_item(**table, Key={name: job[name] for name in ("consumer_id", "id")})
        if state:
            dynamodb.put_item(**table, Item=old)
        rename_reservation(api, job["id"]["S"], old["id"]["S"])
    assert customer.ledger.find(customer.id).balance == 0
    assert customer.order().status_code == 201
    assert customer.balance == 5
    assert len(customer.ledger.find(customer.id).reservations) == 1


def rename_reservation(api: Deployment, old: str, new: str) -> None:
    dynamodb, table = api.aws("dynamodb"), {"TableName": api.references["CreditsTable"]}
    (wallet,) = [item for item in dynamodb.scan(**table)["Items"] if item["key"]["S"] == "wallet"]
    wallet["reserved"]["M"][new] = wallet["reserved"]["M"].pop(old)
    dynamodb.put_item(**table, Item=wallet)


def test_a_chosen_resolution_is_delivered(customer: Customer) -> None:
    generation_id = customer.order(settings={"seed": 7, "resolution": "2K"}).json()["id"]
    customer.api.work_off()
    (output,) = customer.get(generation_id).json()["outputs"]
    assert open_png(customer.api.client().get(output["url"]).content).size == (2048, 2048)
