"""Makes every call to AWS that the functions make: `python -IS aws_calls.py PACKAGES URL`.

The packages come from the folder, and AWS is the stand-in at the URL, with the resources of the template.
"""

import contextlib
import sys
from pathlib import Path
from typing import Any

packages, url = sys.argv[1:]
sys.path.insert(0, packages)

import boto3  # noqa: E402
import botocore  # noqa: E402
from botocore.config import Config  # noqa: E402

assert Path(botocore.__file__).is_relative_to(packages)
keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}


def client(service: str, region: str = "us-east-1", endpoint_url: str | None = url, **options: Any) -> Any:
    return boto3.client(service, region_name=region, endpoint_url=endpoint_url, **keys, **options)


table = {"TableName": "ConsumersTable", "Key": {"key": {"S": "a"}}}
dynamodb = client("dynamodb")
dynamodb.put_item(TableName="ConsumersTable", Item={"key": {"S": "a"}})
with contextlib.suppress(dynamodb.exceptions.ConditionalCheckFailedException):
    dynamodb.put_item(
        TableName="ConsumersTable",
        Item={"key": {"S": "a"}},
        ConditionExpression="attribute_not_exists(#k)",
        ExpressionAttributeNames={"#k": "key"},
    )
dynamodb.update_item(**table, UpdateExpression="SET n = :n", ExpressionAttributeValues={":n": {"N": "1"}})
assert dynamodb.get_item(**table)["Item"]["n"] == {"N": "1"}
query = {"KeyConditionExpression": "#k = :k", "ExpressionAttributeNames": {"#k": "key"}}
query |= {"TableName": "ConsumersTable", "ExpressionAttributeValues": {":k": {"S": "a"}}}
assert dynamodb.query(**query)["Count"] == 1
assert dynamodb.scan(TableName="ConsumersTable")["Count"] >= 1
dynamodb.delete_item(**table)
secrets = client("secretsmanager")
version = secrets.get_secret_value(SecretId="PepperSecret")["VersionId"]
newer = secrets.put_secret_value(SecretId="PepperSecret", SecretString="{}")["VersionId"]
move = {"VersionStage": "AWSCURRENT", "MoveToVersionId": version, "RemoveFromVersionId": newer}
secrets.update_secret_version_stage(SecretId="PepperSecret", **move)
s3 = client("s3")
s3.put_object(Bucket="uploadsbucket", Key="k", Body=b"x")
assert s3.get_object(Bucket="uploadsbucket", Key="k")["Body"].read() == b"x"
listed = s3.list_objects_v2(Bucket="uploadsbucket", Prefix="k")
assert ([each["Key"] for each in listed["Contents"]], listed["IsTruncated"]) == (["k"], False)
s3.delete_object(Bucket="uploadsbucket", Key="k")
queue = f"{url}/123456789012/WebhooksQueue"
client("sqs").send_message(QueueUrl=queue, MessageBody="{}", DelaySeconds=1, MessageGroupId="acme")
mail = {"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}}
to = {"ToAddresses": ["ada@example.com"]}
client("sesv2").send_email(FromEmailAddress="no-reply@imaginelab.local", Destination=to, Content=mail)
client("bedrock-runtime").invoke_model(modelId="stability.x", body=b"{}")
# The stand-in has neither.
assert callable(client("bedrock-runtime").converse)
assert callable(client("polly").synthesize_speech)
for region in ("us-east-1", "eu-west-1"):
    for style in ("virtual", "path"):
        config = Config(signature_version="s3v4", s3={"addressing_style": style})
        bucket = client("s3", region, None, config=config)
        put = {"Params": {"Bucket": "uploads", "Key": "k"}, "ExpiresIn": 60}
        print(bucket.generate_presigned_url("put_object", **put).partition("?")[0])
    for service in ("dynamodb", "secretsmanager", "bedrock-runtime", "polly", "sqs", "sesv2"):
        print(client(service, region, None).meta.endpoint_url)
