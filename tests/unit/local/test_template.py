from pathlib import Path

import pytest

from local.template import GatewayResponse, Route, Template, load_template, resolve

SMALL = """
Parameters:
  Model: {Type: String, Default: painter}
  Limit: {Type: Number, Default: 5}
  Url: {Type: String}
Globals:
  Function: {Handler: handler.handler, MemorySize: 128, Timeout: 5}
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      GatewayResponses:
        THROTTLED:
          StatusCode: 429
          ResponseParameters: {Headers: {X-Request-Id: context.requestId}}
          ResponseTemplates: {application/json: slow down}
        DEFAULT_5XX:
          ResponseTemplates: {application/json: sorry}
  Bucket:
    Type: AWS::S3::Bucket
  Paint:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/paint/
      Timeout: 28
      Environment: {Variables: {MODEL: !Ref Model, URL: !Sub "${Url}/v1"}}
      Events:
        Paint: {Type: Api, Properties: {Path: /paint, Method: POST, TimeoutInMillis: 1500}}
        Sweep: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
  Probe:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/probe/
      Handler: probe.run
      Events:
        Get: {Type: Api, Properties: {Path: /, Method: ANY}}
"""


@pytest.fixture
def template(tmp_path: Path) -> Template:
    path = tmp_path / "template.yaml"
    path.write_text(SMALL)
    return load_template(path)


def test_functions_take_what_they_do_not_set_from_the_globals(template: Template) -> None:
    paint, probe = template.functions["Paint"], template.functions["Probe"]
    assert (paint.handler, paint.timeout_seconds, paint.memory_mb) == ("handler.handler", 28, 128)
    assert (probe.handler, probe.timeout_seconds, probe.variables) == ("probe.run", 5, {})
    assert paint.code.parts[-2:] == ("functions", "paint")
    assert paint.code.is_absolute()


def test_routes_are_the_api_events_with_their_patience(template: Template) -> None:
    assert template.routes == [Route("/paint", "POST", "Paint", 1.5), Route("/", "ANY", "Probe", 29.0)]


@pytest.mark.parametrize(
    ("mode", "is_streamed"),
    [("RESPONSE_STREAM", True), ("BUFFERED", False), ("STREAM", False), ("!Ref Model", False)],
)
def test_a_route_streams_where_sam_reads_the_literal_and_nowhere_else(
    tmp_path: Path, mode: str, is_streamed: bool
) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(SMALL.replace("TimeoutInMillis: 1500", f"ResponseTransferMode: {mode}"))
    assert [route.is_streamed for route in load_template(path).routes] == [is_streamed, False]


def test_gateway_responses_may_leave_status_and_headers_to_the_gateway(template: Template) -> None:
    assert template.gateway_responses == {
        "THROTTLED": GatewayResponse(429, {"X-Request-Id": "context.requestId"}, "slow down"),
        "DEFAULT_5XX": GatewayResponse(None, {}, "sorry"),
    }


def test_resources_are_found_by_type_with_or_without_properties(template: Template) -> None:
    assert template.resources("AWS::S3::Bucket") == {"Bucket": {}}
    assert template.resources("AWS::SQS::Queue") == {}


def test_default_parameters_are_text_and_leave_out_what_must_be_given(template: Template) -> None:
    assert template.default_parameters() == {"Model": "painter", "Limit": "5"}


def test_a_functions_variables_resolve_to_the_values_of_the_deployment(template: Template) -> None:
    variables = dict(template.functions["Paint"].variables)
    assert resolve(variables, {"Model": "m", "Url": "http://b"}) == {"MODEL": "m", "URL": "http://b/v1"}


def test_intrinsic_functions_are_read_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(
        "a: !Ref B\nb: !GetAtt C.Arn\nc: !Join [',', [!Ref D, e]]\nd: !If {x: !Ref Y}\ne: {Ref: Z}\n"
    )
    assert load_template(path).document == {
        "a": {"Ref": "B"},
        "b": {"Fn::GetAtt": "C.Arn"},
        "c": {"Fn::Join": [",", [{"Ref": "D"}, "e"]]},
        "d": {"Fn::If": {"x": {"Ref": "Y"}}},
        "e": {"Ref": "Z"},
    }


def test_references_are_resolved_wherever_they_are_nested() -> None:
    value = {"list": [{"Ref": "A"}, {"deep": {"Fn::Sub": "${A}-${AWS::Region}"}}], "number": 1}
    resolved = resolve(value, {"A": "a", "AWS::Region": "here"})
    assert resolved == {"list": ["a", {"deep": "a-here"}], "number": 1}


@pytest.mark.parametrize("value", [{"Ref": "Missing"}, {"Fn::Sub": "x${Missing}"}])
def test_a_name_that_was_never_created_is_told(value: dict[str, str]) -> None:
    with pytest.raises(KeyError, match="Missing"):
        resolve(value, {"Other": "x"})
