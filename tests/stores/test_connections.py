"""Connections and sessions are kept alike by every implementation of DynamoDB."""

from dataclasses import replace

import pytest

from imagineart.aws import AwsClients
from imagineart.connections.connection_store import ConnectionStore
from imagineart.connections.model import Connection, Session
from tests.stores.tables import new_table

FIRST = Connection("first=", "acme", "p0", "session")
SECOND = replace(FIRST, id="second=")
NOW = 1_800_000_000.0


@pytest.fixture
def store(aws: AwsClients) -> ConnectionStore:
    return ConnectionStore(new_table(aws, "ConnectionsTable"))


def test_a_connection_is_found_with_its_session(store: ConnectionStore) -> None:
    session = store.add(FIRST, now=NOW)
    assert session == store.find_session("session") == Session("session", "acme", "first=")
    assert store.find("first=") == FIRST
    assert store.find("second=") is store.find_session("other") is None


def test_the_session_of_another_consumer_is_not_resumed(store: ConnectionStore) -> None:
    store.add(FIRST, now=NOW)
    assert store.add(replace(SECOND, consumer_id="other"), now=NOW) is None
    assert store.find("second=") is None
    assert store.find_session("session") == Session("session", "acme", "first=")


def test_undelivered_jobs_are_kept_until_they_are_forgotten(store: ConnectionStore) -> None:
    session = store.add(FIRST, now=NOW)
    assert session
    assert store.keep_undelivered(session, "job_1")
    resumed = store.add(SECOND, now=NOW)
    assert resumed == Session("session", "acme", "second=", frozenset({"job_1"}))
    # A sender that read the session before it was resumed has to send to the new connection.
    assert not store.keep_undelivered(session, "job_2")
    assert store.keep_undelivered(resumed, "job_3")
    store.forget_undelivered("session", resumed.undelivered)
    assert store.find_session("session") == replace(resumed, undelivered=frozenset({"job_3"}))
