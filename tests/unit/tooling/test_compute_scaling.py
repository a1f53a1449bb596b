"""Costs follow the tiers, limits are met in their order, and a full item makes its consumer slower."""

from dataclasses import replace

import pytest

from imagineart.adapters import secrets
from imagineart.domain.limits import MAX_CONCURRENT_REQUESTS
from local.template import load_template
from tooling.compute_scaling import (
    LIMITS,
    PRICES,
    SERVICE,
    Price,
    Tier,
    Workload,
    bounds,
    consumer_images,
    costs_per_thousand,
    figure,
    main,
    monthly_dollars,
    parse_workloads,
    reached,
    write_units,
)

TIERED = Price("a thing", "ten things", 10, (Tier(100, 1.0), Tier(200, 0.5), Tier(float("inf"), 0.1)), "", "")


def dollars(workload: Workload) -> dict[str, float]:
    return {cost.name: cost.dollars for cost in costs_per_thousand(workload)}


def allowed(workload: Workload) -> dict[str, float]:
    return {bound.name: bound.images_per_second for bound in bounds(workload)}


@pytest.mark.parametrize(("units", "expected"), [(0, 0), (100, 10), (150, 12.5), (200, 15), (1_200, 25)])
def test_each_unit_is_paid_at_the_price_of_its_own_tier(units: float, expected: float) -> None:
    assert monthly_dollars(TIERED, units) == pytest.approx(expected)


def test_an_image_costs_the_seconds_for_which_its_environment_waits() -> None:
    short = Workload(1, seconds_per_image=10)
    requests = PRICES.invocation.tiers[0].dollars / PRICES.invocation.per * 1_000

    waited = dollars(short)["Lambda"] - requests

    assert waited == pytest.approx(1_000 * 10 * 1_769 / 1_024 * 0.0000133334)
    assert dollars(replace(short, seconds_per_image=20))["Lambda"] - requests == pytest.approx(2 * waited)


def test_an_image_of_more_than_ten_megabytes_is_two_requests_at_the_gateway() -> None:
    ten, more = dollars(Workload(1, megabytes=10)), dollars(Workload(1, megabytes=10.1))

    assert more["API Gateway"] == pytest.approx(2 * ten["API Gateway"])


def test_only_what_is_streamed_beyond_six_megabytes_is_paid_for() -> None:
    five, six, seven = (dollars(Workload(1, megabytes=size))["Lambda"] for size in (5, 6, 7))

    assert five == six
    assert seven - six == pytest.approx(1_000 * 1e6 / 2**30 * 0.008)


def test_a_gpu_twice_as_fast_halves_what_gpus_cost() -> None:
    slow, fast = Workload(1, gpu_images_per_second=0.25), Workload(1, gpu_images_per_second=0.5)

    assert dollars(slow)["GPUs"] == pytest.approx(1_000 / 0.25 / 3_600 * 5)
    assert dollars(fast)["GPUs"] == pytest.approx(dollars(slow)["GPUs"] / 2)


def test_answers_that_are_kept_for_a_key_cost_storage_and_writes() -> None:
    few, many = dollars(Workload(1, keyed=0.1)), dollars(Workload(1, keyed=1))

    assert many["S3, keyed answers"] > few["S3, keyed answers"]
    assert many["DynamoDB"] > few["DynamoDB"]


def test_a_full_item_costs_twenty_units_a_write_and_an_empty_one_a_single_unit() -> None:
    assert write_units(0) == 1
    assert write_units(MAX_CONCURRENT_REQUESTS) == 20
    assert write_units(10 * MAX_CONCURRENT_REQUESTS) == 20


def test_a_consumer_reaches_five_hundred_images_a_second_only_while_few_are_under_way() -> None:
    assert consumer_images(0.05) == 500
    assert consumer_images(10) < 50


@pytest.mark.parametrize("seconds", [0.05, 0.5, 2.0, 10.0, 30.0])
def test_a_consumer_at_its_limit_stays_within_the_writes_and_the_slots_of_its_item(seconds: float) -> None:
    rate = consumer_images(seconds)

    # A hair below, since a limit may lie where the item grows by one unit.
    assert 2 * rate * write_units(rate * seconds * 0.999) <= LIMITS.key_writes * 1.001
    assert rate * seconds <= LIMITS.slots * 1.001


def test_limits_are_met_from_the_lowest_on_and_one_without_room_is_met() -> None:
    names = [bound.name for bound in reached(Workload(100, gpus=1_000))]

    assert sorted(names) == ["Lambda concurrency", "stage throttle"]
    assert reached(Workload(99, gpus=1_000)) == ()
    rates = [bound.images_per_second for bound in bounds(Workload(1))]
    assert rates == sorted(rates)


def test_a_new_account_stops_at_ten_requests_at_a_time() -> None:
    assert allowed(Workload(1, account_concurrency=10))["Lambda concurrency"] == 1


def test_internal_callers_read_a_secret_for_every_image() -> None:
    few, all_of_them = allowed(Workload(1, internal=0.1)), allowed(Workload(1, internal=1))

    assert all_of_them["reads of secrets"] < LIMITS.secret_reads < few["reads of secrets"]


def test_what_is_assumed_of_the_service_is_what_it_does() -> None:
    template = load_template()

    for image_function in ("GenerateImageFunction", "EditImageFunction"):
        assert template.functions[image_function].memory_mb == SERVICE.memory_megabytes
    assert template.default_parameters()["ThrottlingRateLimit"] == f"{Workload(1).stage_requests:.0f}"
    assert LIMITS.slots == MAX_CONCURRENT_REQUESTS
    assert SERVICE.pepper_seconds == secrets.PEPPERS_CACHED_SECONDS
    assert SERVICE.internal_tokens_seconds == secrets.INTERNAL_TOKENS_CACHED_SECONDS
    assert SERVICE.credential_seconds == secrets.BACKEND_CREDENTIAL_CACHED_SECONDS


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (0.04, "0.04"),
        (0.1, "0.1"),
        (49.2, "49.2"),
        (100, "100"),
        (287.4, "287"),
        (1_234.5, "1,234"),
    ],
)
def test_a_figure_is_short_and_keeps_what_matters(number: float, shown: str) -> None:
    assert figure(number) == shown


def test_the_command_line_names_rates_and_everything_else() -> None:
    first, second = parse_workloads(["--images-per-second", "3", "7", "--gpus", "12", "--keyed", "0.5"])

    assert (first.images_per_second, second.images_per_second) == (3, 7)
    assert (first.gpus, first.keyed) == (12, 0.5)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--gpus", "0"], "argument --gpus: '0' is not a number above zero"),
        (["--megabytes", "big"], "argument --megabytes: 'big' is not a number above zero"),
        (["--images-per-second", "inf"], "argument --images-per-second: 'inf' is not a number above zero"),
        (["--keyed", "2"], "argument --keyed: '2' is not a share; allowed is above 0 and up to 1"),
    ],
)
def test_an_argument_that_is_none_is_refused_by_name(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)

    assert complaint in capsys.readouterr().err
