"""DELETE /auth/me erases an account everywhere, whatever it did and whatever goes on meanwhile."""

import uuid

import pybase64
import pytest

from imagineart.access.tokens import Token
from tests.fault_backend import RecordedRequest, Response
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment, edit, generate
from tests.functions.generating_backend import GeneratingBackend, generated, image_file
from tests.functions.socket_clients import ManagementServer, SocketClient
from tests.functions.test_imaginelab_accounts import BASE, Person
from tests.functions.test_imaginelab_generations import Customer
from tests.functions.test_runware import inference, post
from tests.functions.test_uploads import upload
from tests.receiver import Receiver

WISH = "a secret wish"


def test_a_deleted_account_leaves_nothing_and_its_address_is_free(deploy: Deploy) -> None:
    api = deploy()
    person = Person(api)
    account_id = str(person.sign_up().json()["id"])
    session = person.session()
    person.reset_token()
    deleted = person.client.delete(f"{BASE}/auth/me", headers=session)
    assert (deleted.status_code, deleted.json()) == (200, {"message": "User deleted successfully"})
    left = everything_stored(api)
    assert (person.email in left, account_id in left) == (False, False)
    assert person.me(session).status_code == 401
    assert person.log_in().status_code == 400
    assert person.sign_up().status_code == 201


def test_an_interrupted_deletion_can_be_repeated_and_nothing_else_be_done(deploy: Deploy) -> None:
    api = deploy()
    person = Person(api)
    person.sign_up()
    session = person.session()
    consumers = api.references["ConsumersTable"]
    properties = api.aws("dynamodb").describe_table(TableName=consumers)["Table"]
    api.aws("dynamodb").delete_table(TableName=consumers)
    # The counting of the request fails first; so the deletion is begun by hand.
    table = {"TableName": api.references["AccountsTable"]}
    for item in api.aws("dynamodb").scan(**table)["Items"]:
        if "password_hash" in item:
            api.aws("dynamodb").put_item(**table, Item=item | {"is_closing": {"BOOL": True}})
    assert person.client.delete(f"{BASE}/auth/me", headers=session).status_code == 500
    later = person.session()
    assert (person.me(session).status_code, person.me(later).status_code) == (401, 401)
    created = {name: properties[name] for name in ("TableName", "KeySchema", "AttributeDefinitions")}
    api.aws("dynamodb").create_table(**created, BillingMode="PAY_PER_REQUEST")
    assert person.client.delete(f"{BASE}/auth/me", headers=later).status_code == 200
    assert person.email not in everything_stored(api)


def test_generations_and_credits_go_with_their_account(own_api: Deployment) -> None:
    customer = Customer(own_api, credits=20)
    for _ in range(2):
        customer.order(prompt=WISH)
        customer.api.work_off()
    customer.order(prompt=WISH)
    assert own_api.objects("ResultsBucket") != []
    assert customer.client.delete(f"{BASE}/auth/me").status_code == 200
    assert_erased(customer)
    assert own_api.objects("ResultsBucket") == []
    own_api.work_off()
    assert_erased(customer)


@pytest.mark.parametrize("by_key", [False, True])
def test_what_its_keys_did_at_other_apis_goes_with_an_account(
    own_api: Deployment, management: ManagementServer, *, by_key: bool
) -> None:
    customer = Customer(own_api, credits=5)
    key = own_api.issue_token(f"account-{customer.id}")
    with Receiver() as receiver:
        use_every_api(own_api, key, management, receiver.url)
    assert str(customer.id) in everything_stored(own_api)
    if by_key:
        customer.client.headers["Authorization"] = f"Bearer {key.text}"
    assert customer.client.delete(f"{BASE}/auth/me").status_code == 200
    assert_erased(customer)
    own_api.work_off()
    own_api.gateway.invoke("SweepJobsFunction", {})
    assert_erased(customer)


def use_every_api(api: Deployment, key: Token, management: ManagementServer, webhook_url: str) -> None:
    """Images that are made at once, by jobs that end and wait, and what is uploaded, connected and sent."""
    content = image_file((64, 64))
    with api.client(key) as client:
        assert generate(client, prompt=WISH).status_code == 200
        upload(client, content)
        image = {"taskType": "imageUpload", "taskUUID": str(uuid.uuid4())}
        kept = post(client, image | {"image": pybase64.b64encode(content).decode()})
        assert kept.status_code == 200
        client.headers["Prefer"] = "respond-async"
        for _ in range(2):
            asked = edit(client, content, prompt=WISH, webhook_url=webhook_url)
            assert asked.status_code == 202
            api.work_off()
        assert edit(client, content, prompt=WISH, webhook_url=webhook_url).status_code == 202
        for method in ("sync", "async"):
            assert post(client, inference(positivePrompt=WISH, deliveryMethod=method)).status_code == 200
    socket = SocketClient(api, management)
    socket.authenticate(key.text)
    socket.send(inference(positivePrompt=WISH))


@pytest.mark.parametrize("api_of_the_job", ["imaginelab", "v1"])
def test_an_account_that_is_deleted_while_its_job_runs_leaves_nothing(
    own_api: Deployment, backend: GeneratingBackend, api_of_the_job: str
) -> None:
    customer = Customer(own_api, credits=5)
    if api_of_the_job == "v1":
        key = own_api.issue_token(f"account-{customer.id}")
        with own_api.client(key, Prefer="respond-async") as client:
            assert generate(client, prompt=WISH).status_code == 202
    else:
        customer.order(prompt=WISH)

    deletions = []

    def delete_meanwhile(request: RecordedRequest) -> Response:
        deletions.append(customer.client.delete(f"{BASE}/auth/me").status_code)
        return generated(request)

    backend.reply = delete_meanwhile
    own_api.work_off()
    assert deletions == [200]
    assert_erased(customer)
    assert own_api.objects("ResultsBucket") == own_api.objects("JobsBucket") == []


def test_a_job_whose_account_was_deleted_before_it_was_kept_is_deleted_by_its_worker(
    own_api: Deployment, backend: GeneratingBackend
) -> None:
    customer = Customer(own_api, credits=5)
    customer.order(prompt=WISH)
    table = {"TableName": own_api.references["JobsTable"]}
    late = own_api.aws("dynamodb").scan(**table)["Items"]
    assert customer.client.delete(f"{BASE}/auth/me").status_code == 200
    for item in late:
        if item["id"]["S"].startswith("job_"):
            own_api.aws("dynamodb").put_item(**table, Item=item)
    own_api.work_off()
    assert (backend.requests, WISH in everything_stored(own_api)) == ([], False)


def assert_erased(customer: Customer) -> None:
    traces = (str(customer.id), WISH, customer.email)
    assert [each for each in stored(customer.api) if any(trace in each for trace in traces)] == []


def everything_stored(api: Deployment) -> str:
    return "\n".join(stored(api))


def stored(api: Deployment) -> list[str]:
    """The items of every table and the keys of every bucket, each as text."""
    dynamodb, s3 = api.aws("dynamodb"), api.aws("s3")
    tables = dynamodb.list_tables()["TableNames"]
    items = [str((name, item)) for name in tables for item in dynamodb.scan(TableName=name)["Items"]]
    buckets = [each["Name"] for each in s3.list_buckets()["Buckets"]]
    listed = [s3.list_objects_v2(Bucket=name).get("Contents", []) for name in buckets]
    return items + [each["Key"] for keys in listed for each in keys]
