"""Ctrl-C, and the parts that end by themselves."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.e2e.local_stack.running_stack import RunningStack
from tests.processes import await_end


def generate(stack: RunningStack) -> httpx.Response:
    return httpx.post(
        f"{stack.base_url}/v1/images/generations",
        headers={"Authorization": f"Bearer {stack.token}"},
        data={"prompt": "a lighthouse", "resolution": "1K"},
        timeout=60,
    )


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_stack_leaves_nothing(own_stack: RunningStack, with_signal: signal.Signals) -> None:
    assert generate(own_stack).status_code == 200
    own_stack.interrupt_and_expect_nothing_left(with_signal)
    assert "Traceback" not in own_stack.output


def test_ctrl_c_while_it_still_starts_leaves_nothing(new_stack: Callable[[], RunningStack]) -> None:
    starting = new_stack()
    starting.wait_until(lambda: len(starting.children()) == 2)
    children = starting.children()
    assert starting.interrupt() == 0, starting.output
    for pid in children:
        await_end(pid)
    assert "Traceback" not in starting.output
    assert [path.name for path in starting.folder.iterdir()] == ["output"]


def test_two_stacks_run_side_by_side(own_stack: RunningStack, new_stack: Callable[[], RunningStack]) -> None:
    second = new_stack()
    second.wait_until_served()
    assert second.base_url != own_stack.base_url
    foreign = httpx.get(
        f"{second.base_url}/v1/models", headers={"Authorization": f"Bearer {own_stack.token}"}
    )
    assert foreign.json()["error"]["code"] == "invalid_token"
    second.interrupt_and_expect_nothing_left()
    assert generate(own_stack).status_code == 200
    own_stack.interrupt_and_expect_nothing_left()


def test_a_killed_painter_is_a_model_error_and_the_rest_goes_on(own_stack: RunningStack) -> None:
    assert generate(own_stack).status_code == 200
    os.kill(own_stack.child("local.painter"), signal.SIGKILL)
    answer = generate(own_stack)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "model_error")
    assert httpx.get(f"{own_stack.base_url}/health").json() == {"ok": True}
    assert own_stack.interrupt() == 0
    assert [path.name for path in own_stack.folder.iterdir()] == ["output"]


def test_a_painter_that_is_killed_at_work_is_a_model_error(own_stack: RunningStack) -> None:
    painter = own_stack.child("local.painter")
    os.kill(painter, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as caller:
        answering = caller.submit(generate, own_stack)
        own_stack.wait_until(lambda: "GenerateImageFunction: cold start" in own_stack.output)
        os.kill(painter, signal.SIGKILL)
        answer = answering.result()
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "model_error")
    assert httpx.get(f"{own_stack.base_url}/health").json() == {"ok": True}


def test_clients_that_hang_up_midway_harm_nothing(own_stack: RunningStack) -> None:
    headers = {"Authorization": f"Bearer {own_stack.token}"}
    form = {"prompt": "a lighthouse", "resolution": "1K"}
    with httpx.Client(base_url=own_stack.base_url, headers=headers, timeout=60) as client:
        for _ in range(3):
            with client.stream("POST", "/v1/images/generations", data=form) as answer:
                assert next(answer.iter_raw()).startswith(b"\x89PNG")
    assert generate(own_stack).content.endswith(b"IEND\xaeB`\x82")
    own_stack.interrupt_and_expect_nothing_left()
    assert "Traceback" not in own_stack.output


def test_a_stack_that_is_killed_takes_its_children_with_it(own_stack: RunningStack) -> None:
    children = own_stack.children()
    own_stack.kill()
    for pid in children:
        await_end(pid)
