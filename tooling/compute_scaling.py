"""Computes what a thousand images cost, and which limit stops the service first, at any rate.

    python3 tooling/compute_scaling.py
    python3 tooling/compute_scaling.py --images-per-second 40 --seconds-per-image 6 --gpus 32

Standard library only. It prints the tables of docs/scaling.md, which tells how to read them. Prices are list
prices of us-east-1 without free tiers and discounts. Rates hold around the clock, for a month of 30 days.
Megabytes are 10^6 bytes; AWS bills gigabytes of 2^30.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

RATES: Final = (1.0, 100.0, 10_000.0)
PAINTING_SECONDS: Final = (2.0, 10.0, 30.0)
SECONDS_PER_MONTH: Final = 30 * 86_400
GIGABYTE: Final = 2**30
TERABYTE: Final = 1024.0
"""In gigabytes, which is what the tiers of transfer and logs count."""

SECONDS_PER_HOUR: Final = 3_600
THOUSAND: Final = 1_000
NEW_ACCOUNT_CONCURRENCY: Final = 10.0
"""AWS says only that a new account's is reduced (LAM gettingstarted-limits).

Source: https://github.com/awslabs/fhir-works-on-aws-deployment/issues/691
"""

WRITE_UNIT_BYTES: Final = 1024
WRITES_TO_CONSUMER: Final = 2
"""One takes the slot and counts, one gives the slot back: docs/decisions/0009."""


@dataclass(frozen=True)
class Tier:
    """The dollars asked for what a month takes up to `up_to` units; the price says for how many units."""

    up_to: float
    dollars: float


@dataclass(frozen=True)
class Price:
    """What AWS asks in us-east-1 for every `per` units of something.

    `source` is AWS's own page. AWS fills the figures in with a script, so that the stored copies lack them:
    `seen` names the page on which they were read on 2026-11-21, or says that they were not found.
    """

    name: str
    unit: str
    per: float
    tiers: tuple[Tier, ...]
    source: str
    seen: str


@dataclass(frozen=True)
class Prices:
    """Every price that an image depends on."""

    compute: Price = Price(
        "Lambda, arm64",
        "million GB-seconds",
        1e6,
        (Tier(7.5e9, 13.3334), Tier(18.75e9, 12.0001), Tier(math.inf, 10.6667)),
        "https://aws.amazon.com/lambda/pricing/",
        "https://cloudchipr.com/blog/aws-lambda-pricing (2024; third tier not found)",
    )
    invocation: Price = Price(
        "Lambda, request",
        "million requests",
        1e6,
        (Tier(math.inf, 0.20),),
        "https://aws.amazon.com/lambda/pricing/",
        "https://github.com/api-evangelist/aws-lambda (2026-09-20)",
    )
    streaming: Price = Price(
        "Lambda, streamed beyond 6 MB",
        "GB",
        1,
        (Tier(math.inf, 0.008),),
        "https://aws.amazon.com/lambda/pricing/",
        "not found",
    )
    gateway: Price = Price(
        "API Gateway, REST",
        "million requests or started 10 MB",
        1e6,
        (Tier(333e6, 3.50), Tier(1e9, 2.80), Tier(20e9, 2.38), Tier(math.inf, 1.51)),
        "https://aws.amazon.com/api-gateway/pricing/",
        "https://www.apigatewaycost.com/aws (other bounds; third tier not found)",
    )
    transfer: Price = Price(
        "Data out to the internet",
        "GB",
        1,
        (
            Tier(10 * TERABYTE, 0.09),
            Tier(50 * TERABYTE, 0.085),
            Tier(150 * TERABYTE, 0.07),
            Tier(math.inf, 0.05),
        ),
        "https://aws.amazon.com/ec2/pricing/on-demand/",
        "https://leanopstech.com/blog/aws-data-transfer-pricing-2026/ (last tier: cloud-cost-557.pages.dev)",
    )
    write: Price = Price(
        "DynamoDB, on demand",
        "million write units",
        1e6,
        (Tier(math.inf, 0.625),),
        "https://aws.amazon.com/dynamodb/pricing/on-demand/",
        "https://airbyte.com/data-engineering-resources/dynamodb-pricing",
    )
    read: Price = Price(
        "DynamoDB, on demand",
        "million read units",
        1e6,
        (Tier(math.inf, 0.125),),
        "https://aws.amazon.com/dynamodb/pricing/on-demand/",
        "https://airbyte.com/data-engineering-resources/dynamodb-pricing",
    )
    function_logs: Price = Price(
        "CloudWatch Logs from Lambda",
        "GB",
        1,
        (
            Tier(10 * TERABYTE, 0.50),
            Tier(30 * TERABYTE, 0.25),
            Tier(50 * TERABYTE, 0.10),
            Tier(math.inf, 0.05),
        ),
        "https://aws.amazon.com/cloudwatch/pricing/",
        "https://www.duckbillgroup.com/?p=9080 (its total for 60 TB)",
    )
    access_logs: Price = Price(
        "CloudWatch Logs from API Gateway",
        "GB",
        1,
        (Tier(math.inf, 0.50),),
        "https://aws.amazon.com/cloudwatch/pricing/",
        "https://hykell.com/knowledge-base/aws-cloudwatch-logs-pricing",
    )
    secret_call: Price = Price(
        "Secrets Manager",
        "10,000 calls",
        1e4,
        (Tier(math.inf, 0.05),),
        "https://aws.amazon.com/secrets-manager/pricing/",
        "https://hivebook.wiki/wiki/aws-secrets-manager-rotated-secrets-dynamic-db-credentials-kms",
    )
    object_put: Price = Price(
        "S3, put",
        "1,000 requests",
        1e3,
        (Tier(math.inf, 0.005),),
        "https://aws.amazon.com/s3/pricing/",
        "https://devnotes.tech/understanding-aws-s3-pricing-a-complete-cost-breakdown-with-examples",
    )
    storage: Price = Price(
        "S3, kept",
        "GB-month",
        1,
        (Tier(50 * TERABYTE, 0.023), Tier(500 * TERABYTE, 0.022), Tier(math.inf, 0.021)),
        "https://aws.amazon.com/s3/pricing/",
        "https://devnotes.tech/understanding-aws-s3-pricing-a-complete-cost-breakdown-with-examples "
        "(first tier)",
    )

    def listed(self) -> tuple[Price, ...]:
        """All of them, in the order of the table."""
        return tuple(vars(self).values())


@dataclass(frozen=True)
class Limits:
    """What AWS allows at first, and what template.yaml and the domain allow.

    | limit | source |
    |---|---|
    | concurrency_growth (environments a second, per function) | LAM scaling-behavior |
    | gateway_requests (a second, account and region) | AGW limits |
    | key_writes (write units a second of one key) | DDB warm-throughput-scenarios |
    | new_table_writes (a second, on demand, until it has grown) | DDB warm-throughput-scenarios |
    | table_writes (a second, default quota) | DDB ServiceQuotas |
    | secret_reads (GetSecretValue a second, account and region) | SEC reference_limits |
    | slots (image requests of one consumer at a time) | imagineart.domain.limits.MAX_CONCURRENT_REQUESTS |

    LAM is https://docs.aws.amazon.com/lambda/latest/dg/, AGW https://docs.aws.amazon.com/apigateway/latest/
    developerguide/, DDB https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ and SEC
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/.
    """

    concurrency_growth: float = 100
    gateway_requests: float = 10_000
    key_writes: float = 1_000
    new_table_writes: float = 4_000
    table_writes: float = 40_000
    secret_reads: float = 10_000
    slots: int = 1_000


@dataclass(frozen=True)
class Service:
    """What the service does for an image, as it is built.

    `memory_megabytes` is that of the image functions in template.yaml. Each secret is read again by an
    environment that kept it that many seconds, but not more than once an image; the internal tokens only for
    callers that have one. `item_bytes` is a consumer's item without a slot, to which one adds `slot_bytes`.
    `free_streamed_megabytes` (Lambda) and `gateway_megabytes` (a started one is a request) are AWS's; keyed
    answers stay for `kept_days`.
    """

    memory_megabytes: int = 1_769
    pepper_seconds: float = 300
    internal_tokens_seconds: float = 5
    credential_seconds: float = 60
    item_bytes: int = 400
    slot_bytes: int = 20
    log_bytes: int = 600
    access_log_bytes: int = 600
    reads: int = 1
    usage_writes: int = 1
    keyed_writes: int = 2
    kept_days: int = 2
    free_streamed_megabytes: float = 6
    gateway_megabytes: float = 10


@dataclass(frozen=True)
class Workload:
    """What is asked of the service, and what stands behind it.

    `largest_consumer` is the share of the images that goes to the largest consumer, and is that of every
    other one for the cost of its item; `keyed` the share of requests with an Idempotency-Key,
    and `internal` that of requests with the token of an internal service.
    """

    images_per_second: float
    seconds_per_image: float = 10
    megabytes: float = 5
    gpu_images_per_second: float = 0.25
    gpu_dollars_per_hour: float = 5
    gpus: float = 8
    account_concurrency: float = 1_000
    stage_requests: float = 100
    largest_consumer: float = 0.1
    keyed: float = 0.1
    internal: float = 0.1

    @property
    def images_per_month(self) -> float:
        """Images in 30 days at this rate."""
        return self.images_per_second * SECONDS_PER_MONTH

    @property
    def environments(self) -> float:
        """Lambda environments at work: each serves one request for as long as the backend paints."""
        return self.images_per_second * self.seconds_per_image

    @property
    def gpus_needed(self) -> float:
        """GPUs that paint this many images, all of them busy all the time."""
        return self.images_per_second / self.gpu_images_per_second


@dataclass(frozen=True)
class Cost:
    """Dollars that a thousand images cost at one place."""

    name: str
    dollars: float


@dataclass(frozen=True)
class Bound:
    """A limit, the images a second it allows, and what raises it."""

    name: str
    images_per_second: float
    raised_by: str


PRICES: Final = Prices()
LIMITS: Final = Limits()
SERVICE: Final = Service()


def monthly_dollars(price: Price, units: float) -> float:
    """What `units` in a month cost: those of each tier at the price of that tier."""
    total, below = 0.0, 0.0
    for tier in price.tiers:
        total += max(0.0, min(units, tier.up_to) - below) * tier.dollars / price.per
        below = tier.up_to
    return total


def write_units(slots: float, service: Service = SERVICE, limits: Limits = LIMITS) -> int:
    """Units that a write to a consumer's item costs while `slots` of it are taken."""
    taken = min(slots, limits.slots)
    return math.ceil((service.item_bytes + service.slot_bytes * taken) / WRITE_UNIT_BYTES)


def images_within_writes(
    units_per_second: float, slots_per_image: float, service: Service = SERVICE, limits: Limits = LIMITS
) -> float:
    """The most images a second whose writes to consumers' items take `units_per_second` at most.

    `slots_per_image` is how many slots an item holds for each image a second. More images hold more slots,
    and more slots make each write cost more, so every size of item is tried.
    """
    largest = write_units(limits.slots, service, limits)

    def within(units: int) -> float:
        slots = (units * WRITE_UNIT_BYTES - service.item_bytes) / service.slot_bytes
        by_size = math.inf if units == largest else slots / slots_per_image
        return min(by_size, units_per_second / (WRITES_TO_CONSUMER * units))

    return max(within(units) for units in range(1, largest + 1))


def consumer_images(seconds_per_image: float, service: Service = SERVICE, limits: Limits = LIMITS) -> float:
    """The most images a second of one consumer: its slots suffice, and so do the writes its item takes."""
    by_writes = images_within_writes(limits.key_writes, seconds_per_image, service, limits)
    return min(by_writes, limits.slots / seconds_per_image)


def secret_calls_per_image(workload: Workload, service: Service = SERVICE) -> float:
    """How often a secret is read for an image, by environments that are always at work."""
    seconds = workload.seconds_per_image
    return (
        min(1, seconds / service.pepper_seconds)
        + min(1, seconds / service.credential_seconds)
        + min(1, seconds / service.internal_tokens_seconds) * workload.internal
    )


def costs_per_thousand(
    workload: Workload, prices: Prices = PRICES, service: Service = SERVICE, limits: Limits = LIMITS
) -> tuple[Cost, ...]:
    """What a thousand images cost, place by place; the backends' GPUs come last."""
    images = workload.images_per_month
    gigabytes = images * workload.megabytes * 1e6 / GIGABYTE
    beyond_free = max(0.0, workload.megabytes - service.free_streamed_megabytes) * 1e6 / GIGABYTE
    metered = max(1, math.ceil(workload.megabytes / service.gateway_megabytes))
    slots = workload.environments * workload.largest_consumer
    writes = (
        WRITES_TO_CONSUMER * write_units(slots, service, limits)
        + service.usage_writes
        + service.keyed_writes * workload.keyed
    )
    secret_calls = images * secret_calls_per_image(workload, service)
    kept = gigabytes * workload.keyed * service.kept_days / 30
    gpu_hours = 1 / workload.gpu_images_per_second / SECONDS_PER_HOUR

    gigabyte_seconds = images * workload.seconds_per_image * service.memory_megabytes / 1024
    monthly = {
        "Lambda": monthly_dollars(prices.compute, gigabyte_seconds)
        + monthly_dollars(prices.invocation, images)
        + monthly_dollars(prices.streaming, images * beyond_free),
        "API Gateway": monthly_dollars(prices.gateway, images * metered),
        "Data out": monthly_dollars(prices.transfer, gigabytes),
        "DynamoDB": monthly_dollars(prices.write, images * writes)
        + monthly_dollars(prices.read, images * service.reads),
        "Logs": monthly_dollars(prices.function_logs, images * service.log_bytes / GIGABYTE)
        + monthly_dollars(prices.access_logs, images * service.access_log_bytes / GIGABYTE),
        "Secrets Manager": monthly_dollars(prices.secret_call, secret_calls),
        "S3, keyed answers": monthly_dollars(prices.object_put, images * workload.keyed)
        + monthly_dollars(prices.storage, kept),
        "GPUs": images * gpu_hours * workload.gpu_dollars_per_hour,
    }
    return tuple(Cost(name, dollars / images * THOUSAND) for name, dollars in monthly.items())


def bounds(workload: Workload, service: Service = SERVICE, limits: Limits = LIMITS) -> tuple[Bound, ...]:
    """Every limit by the images a second that it allows, the lowest first."""
    share = workload.largest_consumer
    slots_per_image = workload.seconds_per_image * share

    def table(units: float) -> float:
        return images_within_writes(units, slots_per_image, service, limits)

    found = (
        Bound("GPUs", workload.gpus * workload.gpu_images_per_second, "more GPUs, or a faster model"),
        Bound("stage throttle", workload.stage_requests, "`ThrottlingRateLimit`, `ThrottlingBurstLimit`"),
        Bound(
            "Lambda concurrency",
            workload.account_concurrency / workload.seconds_per_image,
            "quota *Concurrent executions*; faster backends",
        ),
        Bound(
            "largest consumer's item",
            consumer_images(workload.seconds_per_image, service, limits) / share,
            "several consumers; in code, a split item",
        ),
        Bound("new table", table(limits.new_table_writes), "grows by itself; `WarmThroughput` in advance"),
        Bound("table quota", table(limits.table_writes), "quota *Table-level write throughput*"),
        Bound(
            "reads of secrets",
            limits.secret_reads / secret_calls_per_image(workload, service),
            "in code, longer caching",
        ),
        Bound("gateway quota", limits.gateway_requests, "quota *Throttle rate*; a second region"),
    )
    return tuple(sorted(found, key=lambda bound: bound.images_per_second))


def reached(workload: Workload) -> tuple[Bound, ...]:
    """The limits that the workload reaches, the lowest first: the first is the first bottleneck.

    A limit counts as reached when nothing is left of it for a burst.
    """
    rate = workload.images_per_second
    return tuple(bound for bound in bounds(workload) if rate >= bound.images_per_second)


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]], *, figures: bool = True) -> str:
    """A Markdown table, without a line break at its end; all columns but the first hold figures, or text."""
    lines = [header, ["---", *["---:" if figures else "---"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def figure(number: float) -> str:
    """A number in plain digits with three that matter, or all those before the point."""
    if number >= THOUSAND:
        return f"{number:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(number))) if number else 0
    shown = f"{number:.{digits}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def dollars(amount: float) -> str:
    """An amount to the tenth of a cent."""
    return f"{amount:,.3f}"


def cost_table(workloads: Sequence[Workload]) -> str:
    """Dollars for a thousand images at each rate, without the GPUs and with them."""
    columns = [costs_per_thousand(workload) for workload in workloads]
    rows = [[line[0].name, *[dollars(cost.dollars) for cost in line]] for line in zip(*columns, strict=True)]
    around = [sum(cost.dollars for cost in column[:-1]) for column in columns]
    total = [sum(cost.dollars for cost in column) for column in columns]
    rows.insert(-1, ["**All but GPUs**", *map(dollars, around)])
    rows.append(["**Total**", *map(dollars, total)])
    return markdown(["$ for 1,000 images at", *[rate_name(workload) for workload in workloads]], rows)


def rate_name(workload: Workload) -> str:
    """How a rate is headed."""
    return f"{figure(workload.images_per_second)} a second"


def demand_table(workloads: Sequence[Workload]) -> str:
    """What each rate takes, and which limits stand in its way as things are."""
    needs: tuple[tuple[str, Callable[[Workload], float]], ...] = (
        ("Lambda environments at work", lambda workload: workload.environments),
        ("Seconds until one function has them", lambda w: w.environments / LIMITS.concurrency_growth),
        ("GPUs, always busy", lambda workload: workload.gpus_needed),
        ("Gbit/s out", lambda w: w.images_per_second * w.megabytes * 8 / THOUSAND),
        ("TB out a month", lambda w: w.images_per_month * w.megabytes * 1e6 / GIGABYTE / TERABYTE),
    )
    rows = [[name, *[figure(need(workload)) for workload in workloads]] for name, need in needs]
    met = [[bound.name for bound in reached(workload)] for workload in workloads]
    rows.append(["**First bottleneck**", *[f"**{names[0]}**" if names else "none" for names in met]])
    rows.append(["Then", *[", ".join(names[1:]) or "none" for names in met]])
    new = [reached(replace(workload, account_concurrency=NEW_ACCOUNT_CONCURRENCY)) for workload in workloads]
    rows.append(["In a new account", *[limits[0].name if limits else "none" for limits in new]])
    return markdown(["At", *[rate_name(workload) for workload in workloads]], rows)


def bound_table(workload: Workload) -> str:
    """Every limit as it is at first, the lowest first."""
    rows = [[bound.name, figure(bound.images_per_second), bound.raised_by] for bound in bounds(workload)]
    return markdown(["Limit", "Images a second", "Raised by"], rows, figures=False)


def painting_table(workload: Workload, painting_seconds: Sequence[float] = PAINTING_SECONDS) -> str:
    """What the backend's time for an image does to Lambda and to one consumer."""
    gigabytes = SERVICE.memory_megabytes / 1024
    rows = [
        [
            figure(seconds),
            dollars(seconds * gigabytes * PRICES.compute.tiers[0].dollars / PRICES.compute.per * THOUSAND),
            figure(workload.account_concurrency / seconds),
            figure(consumer_images(seconds)),
        ]
        for seconds in painting_seconds
    ]
    concurrency = figure(workload.account_concurrency)
    header = [
        "Seconds an image",
        "Lambda, $ for 1,000",
        f"Images/s of {concurrency} environments",
        "Images/s of one consumer",
    ]
    return markdown(header, rows)


def price_table(prices: Prices = PRICES) -> str:
    """Every price with AWS's page and where the figure was seen."""
    rows = [
        [
            price.name,
            price.unit,
            ", ".join(f"{tier.dollars:g}" for tier in price.tiers),
            price.source,
            price.seen,
        ]
        for price in prices.listed()
    ]
    return markdown(["Price", "For", "$, by tier", "AWS's page", "Figures seen"], rows, figures=False)


def tables(workloads: Sequence[Workload]) -> tuple[str, ...]:
    """Everything that is printed; limits do not depend on the rate, so that the first workload gives them."""
    first = workloads[0]
    return (
        cost_table(workloads),
        demand_table(workloads),
        bound_table(first),
        painting_table(first),
        price_table(),
    )


def positive(text: str) -> float:
    """A number above zero. Raises argparse.ArgumentTypeError."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (number > 0 and math.isfinite(number)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above zero")
    return number


def share(text: str) -> float:
    """A share above 0 and up to 1. Raises argparse.ArgumentTypeError."""
    number = positive(text)
    if number > 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share; allowed is above 0 and up to 1")
    return number


def parse_workloads(arguments: Sequence[str] | None) -> tuple[Workload, ...]:
    """One workload for each rate that the command line names. Raises SystemExit."""
    defaults = Workload(1)
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--images-per-second",
        type=positive,
        nargs="+",
        default=RATES,
        metavar="N",
        help="one rate or several",
    )
    for name, kind, meaning in (
        ("seconds_per_image", positive, "how long a request waits for its backend"),
        ("megabytes", positive, "size of an image, in 10^6 bytes"),
        ("gpu_images_per_second", positive, "images that one GPU paints in a second"),
        ("gpu_dollars_per_hour", positive, "price of one GPU"),
        ("gpus", positive, "GPUs there are"),
        ("account_concurrency", positive, "Lambda's quota of concurrent executions"),
        ("stage_requests", positive, "ThrottlingRateLimit of the stack"),
        ("largest_consumer", share, "share of the images that go to the largest consumer"),
        ("keyed", share, "share of requests that carry an Idempotency-Key"),
        ("internal", share, "share of requests that carry the token of an internal service"),
    ):
        option = f"--{name.replace('_', '-')}"
        default = getattr(defaults, name)
        parser.add_argument(option, type=kind, default=default, metavar="N", help=f"{meaning} ({default})")
    options = vars(parser.parse_args(arguments))
    rates = options.pop("images_per_second")
    return tuple(Workload(rate, **options) for rate in rates)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables. Raises SystemExit for arguments that are none."""
    print("\n\n".join(tables(parse_workloads(arguments))))


if __name__ == "__main__":
    main()
