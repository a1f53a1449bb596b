"""ImagineLab's accounts: signing up, logging in, a forgotten password, sessions, and erasing it all."""

import re
import time
from collections.abc import Iterator
from itertools import count

import httpx
import jwt
import pytest

from imagineart.access.tokens import Scope
from imagineart.accounts.sessions import SESSION_SECONDS
from imagineart.errors import InvalidRequestError, NotFoundError
from local.cloud import MAIL_SENDER
from tests.functions.conftest import Deploy
from tests.functions.deployment import Deployment
from tests.functions.test_logs import lines_of, log_to_this_tests_output

BASE = "/imaginelab/api/v1"
PASSWORD = "correct horse battery"
numbers = count(1)


class Person:
    """Somebody with an address, and a client at an address of its own."""

    def __init__(self, api: Deployment) -> None:
        number = next(numbers)
        self.api = api
        self.email = f"person-{number}@example.com"
        self.client = api.client(source_ip=f"198.51.{number // 250}.{number % 250 + 1}")

    def post(self, path: str, **fields: object) -> httpx.Response:
        return self.client.post(f"{BASE}{path}", json=fields)

    def sign_up(self, password: str = PASSWORD) -> httpx.Response:
        return self.post("/auth/signup", email=self.email, password=password)

    def log_in(self, password: str = PASSWORD, **fields: str) -> httpx.Response:
        form = {"username": self.email, "password": password} | fields
        return self.client.post(f"{BASE}/auth/login", data=form)

    def session(self, password: str = PASSWORD) -> dict[str, str]:
        """The header of a new session."""
        return {"Authorization": f"Bearer {self.log_in(password).json()['access_token']}"}

    def me(self, headers: dict[str, str]) -> httpx.Response:
        return self.client.get(f"{BASE}/auth/me", headers=headers)

    def reset_token(self) -> str:
        """The token of the link in the mail that is asked for."""
        self.post("/auth/forgot-password", email=self.email)
        self.api.work_off()
        (mail,) = [each for each in self.api.mails if each.to == self.email][-1:]
        (token,) = re.findall(r"^https://imaginelab\.local/reset-password\?token=(\S+)$", mail.text, re.M)
        return str(token)

    def reset(self, token: str, password: str) -> httpx.Response:
        return self.post("/auth/reset-password", token=token, new_password=password)


@pytest.fixture
def person(api: Deployment) -> Iterator[Person]:
    somebody = Person(api)
    with somebody.client:
        yield somebody


@pytest.fixture
def member(person: Person) -> Person:
    assert person.sign_up().status_code == 201
    return person


def assert_detail(response: httpx.Response, status: int, text: str) -> None:
    assert (response.status_code, response.json()) == (status, {"detail": text}), response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)


def test_an_account_is_made_logged_in_to_and_shown(person: Person) -> None:
    created = person.post(
        "/auth/signup", email=f" {person.email.upper()} ", password=PASSWORD, full_name="Ada"
    )
    assert created.status_code == 201
    account = created.json()
    assert account | {"id": 0, "created_at": ""} == {
        "id": 0,
        "email": person.email,
        "full_name": "Ada",
        "is_active": True,
        "created_at": "",
        "credits": 0,
    }
    assert 0 < account["id"] < 2**53
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", account["created_at"])
    token = person.log_in(grant_type="password")
    assert token.status_code == 200
    assert token.json().keys() == {"access_token", "token_type"}
    assert token.json()["token_type"] == "bearer"
    assert person.me({"Authorization": f"Bearer {token.json()['access_token']}"}).json() == account


def test_a_taken_address_is_refused_however_it_is_spelt(member: Person) -> None:
    response = member.post("/auth/signup", email=member.email.upper(), password="another password")
    assert_detail(response, 400, "An account with this email exists already.")
    assert member.log_in().status_code == 200


@pytest.mark.parametrize(
    "email",
    [
        "<ada@example.com>",
        "x<ada@example.com>",
        "ada@example.com(x)",
        "ada,eve@example.com",
        "ada@example.com,example.org",
        ".ada@example.com",
        "ada@-example.com",
        "ad\u00e4@example.com",
        "ada@ex\u00e4mple.com",
        "a" * 65 + "@example.com",
        "ada@" + "a" * 64 + ".com",
        "ada@" + "a.b" * 90,
    ],
)
def test_an_address_that_no_mail_could_reach_in_one_spelling_alone_is_refused(
    person: Person, email: str
) -> None:
    response = person.post("/auth/signup", email=email, password=PASSWORD)
    assert response.status_code == 400
    assert response.json()["detail"].startswith("email: got ")


@pytest.mark.parametrize("email", ["a+b.c_d'e@sub-1.example.co", "a" * 64 + "@xn--exmple-cua.com"])
def test_an_unusual_address_is_accepted(api: Deployment, email: str) -> None:
    assert Person(api).post("/auth/signup", email=email, password=PASSWORD).status_code == 201


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"email": "ada", "password": PASSWORD}, "email: got 'ada'"),
        ({"email": "a@b@c.de", "password": PASSWORD}, "email: got 'a@b@c.de'"),
        ({"password": PASSWORD}, "email: the field is required"),
        ({"email": "ada@example.com", "password": "short"}, "password: got 5 characters"),
        ({"email": "ada@example.com", "password": "x" * 129}, "password: got 129 characters"),
        ({"email": "ada@example.com", "password": 12345678}, "password: got '12345678'"),
        ({"email": "ada@example.com", "password": PASSWORD, "admin": True}, "form: got the unknown field"),
    ],
)
def test_a_bad_field_is_refused_by_name_in_one_sentence(
    person: Person, fields: dict[str, object], named: str
) -> None:
    response = person.post("/auth/signup", **fields)
    assert response.status_code == 400
    assert response.json().keys() == {"detail"}
    assert response.json()["detail"].startswith(named)


def test_a_wrong_password_and_an_unknown_address_get_the_same_response(
    member: Person, api: Deployment
) -> None:
    wrong, unknown = member.log_in("wrong password"), Person(api).log_in()
    for response in (wrong, unknown):
        assert_detail(response, 400, "Incorrect email or password")


def test_failures_slow_the_pair_of_account_and_client_alone(member: Person, api: Deployment) -> None:
    failures = [member.log_in("wrong password").status_code for _ in range(11)]
    assert failures == [400] * 10 + [429]
    slowed = member.log_in()
    assert_detail(slowed, 429, "Too many attempts. Retry after the seconds in Retry-After.")
    assert 0 < int(slowed.headers["Retry-After"]) <= 900
    elsewhere = Person(api)
    elsewhere.email = member.email
    assert elsewhere.log_in().status_code == 200
    other = Person(api)
    other.client = member.client
    assert other.sign_up().status_code == 201
    assert other.log_in().status_code == 200


def test_successful_log_ins_are_not_counted(member: Person) -> None:
    assert {member.log_in().status_code for _ in range(12)} == {200}


def test_five_sign_ups_an_hour_are_accepted_from_one_network(api: Deployment) -> None:
    addresses = [f"2001:db8:0:7::{number}" for number in range(6)]
    statuses = []
    for address in addresses:
        person = Person(api)
        person.client = api.client(source_ip=address)
        statuses.append(person.sign_up().status_code)
    assert statuses == [201] * 5 + [429]


def test_sign_up_is_closed_unless_the_operator_opens_it(deploy: Deploy) -> None:
    person = Person(deploy(Signup="false"))
    assert_detail(person.sign_up(), 400, "Sign-up is closed. Contact the operator.")


def test_a_request_without_a_valid_token_is_refused_before_its_body_is_read(member: Person) -> None:
    missing = member.client.get(f"{BASE}/auth/me")
    assert_detail(missing, 401, "Missing bearer token. Send the header 'Authorization: Bearer <token>'.")
    session = member.session()["Authorization"]
    key = {"alg": "none", "kid": "1"}
    unsigned = jwt.encode({"sub": "1", "aud": "imaginelab", "exp": 2**40, "epoch": 0}, None, "none", key)
    for token in (session[:-2], "Bearer x.y.z", f"Bearer {unsigned}", session[:-10] + "A" * 10):
        response = member.me({"Authorization": token})
        assert_detail(response, 401, "Could not validate credentials. Log in again.")


def test_a_session_ends_after_eight_days(member: Person, api: Deployment) -> None:
    token = member.log_in().json()["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == SESSION_SECONDS == 8 * 86_400
    secret = api.aws("secretsmanager").get_secret_value(SecretId=api.references["SessionSecret"])
    (key,) = re.findall(r'"1": "(\w+)"', secret["SecretString"])
    for expires_at, status in ((time.time() + 60, 200), (time.time() - 60, 401)):
        forged = jwt.encode(claims | {"exp": int(expires_at)}, key, "HS256", {"kid": "1"})
        assert member.me({"Authorization": f"Bearer {forged}"}).status_code == status
    for changed in ({"aud": "another"}, {"sub": "1"}, {"epoch": 7}):
        forged = jwt.encode(claims | changed, key, "HS256", {"kid": "1"})
        assert member.me({"Authorization": f"Bearer {forged}"}).status_code == 401


def test_a_new_key_signs_later_sessions_and_ends_none(deploy: Deploy) -> None:
    api = deploy()
    person = Person(api)
    person.sign_up()
    earlier = person.session()
    keys = api.operator.rotate_session_keys
    assert keys.rotate() == "2"
    api.gateway.close()
    later = person.session()
    assert jwt.get_unverified_header(later["Authorization"].removeprefix("Bearer "))["kid"] == "2"
    assert [person.me(each).status_code for each in (earlier, later)] == [200, 200]
    with pytest.raises(InvalidRequestError, match=r"^key: got '2', which signs sessions"):
        keys.retire("2")
    keys.retire("1")
    with pytest.raises(NotFoundError):
        keys.retire("1")
    api.gateway.close()
    assert [person.me(each).status_code for each in (earlier, later)] == [401, 200]


def test_a_session_that_came_over_plain_http_ends_with_all_others(member: Person) -> None:
    sessions = [member.session(), member.session()]
    sent = member.me(sessions[0] | {"X-Forwarded-Proto": "http"})
    assert (sent.status_code, "Use HTTPS" in sent.json()["detail"]) == (401, True)
    assert [member.me(each).status_code for each in sessions] == [401, 401]
    assert member.me(member.session()).status_code == 200


def test_an_api_key_of_an_account_works_beside_its_sessions(member: Person, api: Deployment) -> None:
    account = member.me(member.session()).json()
    own = api.issue_token(f"account-{account['id']}")
    assert member.me({"Authorization": f"Bearer {own.text}"}).json() == account
    partner = api.issue_token()
    assert member.me({"Authorization": f"Bearer {partner.text}"}).status_code == 401


def test_a_key_that_may_generate_nothing_reaches_no_account(member: Person, api: Deployment) -> None:
    account = member.me(member.session()).json()
    for scope in Scope:
        key = api.issue_token(f"account-{account['id']}", scopes=frozenset({scope}))
        status = 200 if scope is Scope.GENERATE_IMAGES else 401
        assert member.me({"Authorization": f"Bearer {key.text}"}).status_code == status
    deleted = member.client.delete(f"{BASE}/auth/me", headers={"Authorization": f"Bearer {key.text}"})
    assert deleted.status_code == 401
    assert deleted.json()["detail"].startswith("This token was not issued for this request, which needs")
    assert member.log_in().status_code == 200


def test_a_forgotten_password_is_replaced_once_by_the_link_of_a_mail(member: Person) -> None:
    session, token = member.session(), member.reset_token()
    (mail,) = [each for each in member.api.mails if each.to == member.email]
    assert (mail.sender, mail.subject) == ("no-reply@imaginelab.local", "Reset your password")
    assert_detail(
        member.reset("1." + token.partition(".")[2], "new password"),
        400,
        "Invalid or expired token. Ask for another mail.",
    )
    assert member.reset(token, "new password").json() == {"message": "Password updated successfully"}
    assert member.me(session).status_code == 401
    assert member.log_in().status_code == 400
    assert member.log_in("new password").status_code == 200
    assert member.reset(token, "third password").status_code == 400


def test_a_later_mail_ends_the_link_of_an_earlier_one(member: Person) -> None:
    first, second = member.reset_token(), member.reset_token()
    assert [member.reset(token, "new password").status_code for token in (first, second)] == [400, 200]


def test_a_link_works_for_thirty_minutes(member: Person, api: Deployment) -> None:
    token = member.reset_token()
    table = {"TableName": api.references["AccountsTable"]}
    items = api.aws("dynamodb").scan(**table)["Items"]
    (item,) = [each for each in items if "reset_digest" in each and each["email"]["S"] == member.email]
    assert token.partition(".")[2] not in str(items)
    left = int(item["reset_expires_at"]["N"]) - time.time()
    assert 0 < left <= 1800
    expired = item | {"reset_expires_at": {"N": str(int(time.time()))}}
    api.aws("dynamodb").put_item(**table, Item=expired)
    assert member.reset(token, "new password").status_code == 400


def test_asking_for_mail_says_the_same_for_an_address_that_nobody_has(person: Person) -> None:
    response = person.post("/auth/forgot-password", email=person.email)
    sent = {"message": "If that email is registered, we sent a password recovery link"}
    assert (response.status_code, response.json()) == (200, sent)
    person.api.work_off()
    assert [mail for mail in person.api.mails if mail.to == person.email] == []


def test_three_mails_an_hour_reach_an_account_wherever_they_are_asked_for(
    member: Person, api: Deployment
) -> None:
    for _ in range(5):
        assert Person(api).post("/auth/forgot-password", email=member.email).status_code == 200
    api.work_off()
    assert len([mail for mail in api.mails if mail.to == member.email]) == 3


def test_a_mail_that_fails_counts_once_however_often_it_is_tried(own_api: Deployment) -> None:
    person = Person(own_api)
    person.sign_up()
    sqs, ses, queues = own_api.aws("sqs"), own_api.aws("sesv2"), own_api.references
    sqs.set_queue_attributes(QueueUrl=queues["MailQueue"], Attributes={"VisibilityTimeout": "0"})
    ses.delete_email_identity(EmailIdentity=MAIL_SENDER)
    for failed in ("1", "2"):
        person.post("/auth/forgot-password", email=person.email)
        own_api.work_off()
        waiting = sqs.get_queue_attributes(QueueUrl=queues["FailedMailQueue"], AttributeNames=["All"])
        assert waiting["Attributes"]["ApproximateNumberOfMessages"] == failed
    ses.create_email_identity(EmailIdentity=MAIL_SENDER)
    assert person.reset(person.reset_token(), "new password").status_code == 200


def test_without_a_sender_no_mail_is_sent_and_nothing_fails(deploy: Deploy) -> None:
    api = deploy(MailSender="")
    person = Person(api)
    person.sign_up()
    person.post("/auth/forgot-password", email=person.email)
    api.work_off()
    assert [mail for mail in api.mails if mail.to == person.email] == []
    assert api.work_off() == 0


def test_a_host_header_changes_no_link(member: Person) -> None:
    member.client.post(
        f"{BASE}/auth/forgot-password", json={"email": member.email}, headers={"Host": "evil.example"}
    )
    member.api.work_off()
    (mail,) = [each for each in member.api.mails if each.to == member.email]
    assert "evil" not in mail.text


def test_a_crashed_sign_up_frees_its_address_after_a_minute(deploy: Deploy) -> None:
    api = deploy()
    person = Person(api)
    table, key = {"TableName": api.references["AccountsTable"]}, {"key": {"S": f"email#{person.email}"}}
    for seconds_ago, status in ((30, 400), (61, 201)):
        claimed_at = {"N": str(int(time.time()) - seconds_ago)}
        api.aws("dynamodb").put_item(**table, Item=key | {"account_id": {"N": "7"}, "claimed_at": claimed_at})
        assert person.sign_up().status_code == status
    assert person.log_in().status_code == 200


def test_neither_a_password_nor_an_address_is_logged(
    deploy: Deploy, capsys: pytest.CaptureFixture[str]
) -> None:
    person = Person(deploy(log_to_this_tests_output))
    person.sign_up()
    person.log_in("wrong password")
    person.reset(person.reset_token(), "new password")
    printed = capsys.readouterr().out
    paths = [line["path"] for line in lines_of(printed) if "path" in line]
    expected = ["signup", "login", "forgot-password", "reset-password"]
    assert paths == [f"{BASE}/auth/{name}" for name in expected]
    hidden = ("wrong password", "new password", person.email)
    assert [text for text in hidden if text in printed] == []


def test_a_mail_that_is_refused_is_logged_with_the_reason_and_without_its_address(
    deploy: Deploy, capsys: pytest.CaptureFixture[str]
) -> None:
    # What Amazon SES says of a refusal quotes an address.
    email = "ada@example.org"
    person = Person(deploy(log_to_this_tests_output, MailSender=email))
    person.email = email
    person.sign_up()
    person.post("/auth/forgot-password", email=email)
    person.api.work_off()
    printed = capsys.readouterr()
    assert email not in printed.out + printed.err
    assert [line["outcome"] for line in lines_of(printed.out) if line["message"] == "mail"] == [
        "failed: MessageRejected"
    ]
