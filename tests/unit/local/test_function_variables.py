import os

import pytest

from local.function_variables import function_variables, runtime_environment
from local.template import PROJECT, SEARCH_PATH, Function, load_template

REFERENCES = {"Table": "the-table"}
RUNTIME = {"AWS_REGION": "us-east-1"}
TEMPLATE = load_template()


def function(**variables: object) -> Function:
    return Function("Paint", PROJECT / "functions" / "paint", "room.handler", 28, 1769, variables)


def test_a_functions_variables_are_lambdas_and_the_templates() -> None:
    variables = function_variables(function(TABLE={"Ref": "Table"}), REFERENCES, RUNTIME)
    assert variables == {"AWS_REGION": "us-east-1", "TABLE": "the-table"}


def test_the_template_outranks_lambda() -> None:
    variables = function_variables(function(AWS_REGION="elsewhere"), REFERENCES, RUNTIME)
    assert variables == {"AWS_REGION": "elsewhere"}


def test_a_function_under_the_wrapper_is_told_that_it_may_stream() -> None:
    wrapped = function(AWS_LAMBDA_EXEC_WRAPPER="/opt/streaming-wrapper")
    assert function_variables(wrapped, {}, {})["LAMBDA_RESPONSE_STREAMING"] == "1"


def test_only_the_wrapper_itself_tells_a_function_started_by_hand_that_it_may_stream() -> None:
    wrapped = function(AWS_LAMBDA_EXEC_WRAPPER="/opt/streaming-wrapper")
    assert "LAMBDA_RESPONSE_STREAMING" not in runtime_environment(wrapped, {}, {})


def test_the_wrapper_of_a_function_started_by_hand_lies_in_the_project() -> None:
    wrapped = function(AWS_LAMBDA_EXEC_WRAPPER="/opt/streaming-wrapper")
    wrapper = runtime_environment(wrapped, {}, {})["AWS_LAMBDA_EXEC_WRAPPER"]
    assert wrapper == str(PROJECT / "layers" / "streaming" / "streaming-wrapper")
    assert os.access(wrapper, os.X_OK)


def test_the_runtime_client_is_told_what_to_run_and_from_where() -> None:
    environment = runtime_environment(function(TABLE={"Ref": "Table"}), REFERENCES, RUNTIME)
    assert environment == {
        "AWS_REGION": "us-east-1",
        "TABLE": "the-table",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_LAMBDA_FUNCTION_NAME": "Paint",
        "LAMBDA_TASK_ROOT": str(PROJECT / "functions" / "paint"),
        "PYTHONPATH": os.pathsep.join(SEARCH_PATH),
        "_HANDLER": "room.handler",
    }


@pytest.mark.parametrize("function_id", TEMPLATE.functions)
def test_every_function_of_the_project_can_be_started_by_hand(function_id: str) -> None:
    names = [*TEMPLATE.document["Parameters"], *TEMPLATE.document["Resources"], "AWS::StackName"]
    references = dict.fromkeys(names, "x")
    environment = runtime_environment(TEMPLATE.functions[function_id], references, {})
    module, _, _ = environment["_HANDLER"].rpartition(".")
    assert os.path.isfile(os.path.join(environment["LAMBDA_TASK_ROOT"], f"{module}.py"))
    assert all(isinstance(value, str) for value in environment.values())
