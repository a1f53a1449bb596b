"""Events of API Gateway and of function URLs, cut down to what carries a request.

Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""


def rest_event(path, method="GET", **fields):
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "multiValueHeaders": {"Host": ["api.example.com"], "Content-Type": ["application/json"]},
        "requestContext": {"identity": {"sourceIp": "192.0.2.1"}},
        **fields,
    }


def url_event(path, method="GET", **fields):
    return {
        "version": "2.0",
        "headers": {"host": "id.lambda-url.us-east-1.on.aws", "content-type": "application/json"},
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "192.0.2.1"}},
        **fields,
    }
