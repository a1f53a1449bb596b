import gc
from collections import Counter
from typing import Any

import boto3
import pytest
from moto.core.common_models import BaseModel

from local.cloud import CREDENTIALS, REGION
from local.moto_server import serving_moto


@pytest.fixture
def clients() -> Any:
    """DynamoDB with a table `things`, and S3 with a bucket `pictures`."""
    with serving_moto() as url:
        dynamodb, s3 = (
            boto3.client(
                service,
                endpoint_url=url,
                region_name=REGION,
                aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            )
            for service in ("dynamodb", "s3")
        )
        dynamodb.create_table(
            TableName="things",
            AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        s3.create_bucket(Bucket="pictures")
        yield dynamodb, s3
        dynamodb.close()
        s3.close()


def count_up(dynamodb: Any, times: int) -> str:
    """Count in one item, and return how far."""
    for _ in range(times):
        updated = dynamodb.update_item(
            TableName="things",
            Key={"key": {"S": "one"}},
            UpdateExpression="ADD hits :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="ALL_NEW",
        )
    return updated["Attributes"]["hits"]["N"]


def models() -> Counter[str]:
    """How many objects of each of moto's models there are."""
    gc.collect()
    return Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, BaseModel))


def test_calls_leave_nothing_behind_but_what_they_store(clients: Any) -> None:
    dynamodb, _ = clients
    count_up(dynamodb, 3)
    before = models()
    assert count_up(dynamodb, 50) == "53"
    assert models() - before == Counter()


def test_what_is_stored_stays(clients: Any) -> None:
    dynamodb, s3 = clients
    s3.put_object(Bucket="pictures", Key="one", Body=b"a picture")
    count_up(dynamodb, 3)
    assert s3.get_object(Bucket="pictures", Key="one")["Body"].read() == b"a picture"
    s3.put_object(Bucket="pictures", Key="one", Body=b"another")
    assert s3.get_object(Bucket="pictures", Key="one")["Body"].read() == b"another"
    s3.delete_object(Bucket="pictures", Key="one")
    assert "Contents" not in s3.list_objects_v2(Bucket="pictures")
