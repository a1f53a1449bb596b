"""What every side tells of a soak in which all went well but for two faults of the backend."""

from load.faults import Fate
from load.journals import Answered, Painted, Sent
from load.reconciliation import Standing, Stories

SENT = [
    Sent("1", "ann", "ann", "generation 1K", "text-to-image", "p1", 1),
    Sent("2", "bob", "bob", "OpenAI's, n=2", "text-to-image", "p2", 2),
    Sent("3", "bob", "bob", "models", "models"),
    Sent("4", "ann", "ann", "wrong token", "text-to-image"),
    Sent("5", "ann", "ann", "generation 1K", "text-to-image", "p5", 1),
    Sent("6", "bob", "bob", "keyed", "text-to-image", "p6", 1, keyed=True),
    Sent("7", "bob", "bob", "keyed", "text-to-image", "p6", 1, keyed=True),
]
ANSWERED = [
    Answered("1", "ok", 200, 2.0, 100, "r1", "requests_per_minute", [1]),
    Answered("2", "ok", 200, 4.0, 200, "r2", "requests_per_minute", [2, 3]),
    Answered("3", "ok", 200, 0.1, 10, "r3", "requests_per_minute"),
    Answered("4", "invalid_token", 401, 0.1, 10, "r4"),
    Answered("5", "model_error", 502, 2.0, 10, "r5", "requests_per_minute"),
    Answered("6", "ok", 200, 2.0, 100, "r6", "requests_per_minute", [4]),
    Answered("7", "replayed", 200, 0.1, 100, "r7", "requests_per_minute", [4]),
]
PAINTED = [
    Painted(1, "p1", Fate.PAINTED, 1),
    Painted(2, "p2", Fate.OVERLOADED),
    Painted(3, "p2", Fate.PAINTED, 2),
    Painted(4, "p2", Fate.PAINTED, 3),
    Painted(5, "p5", Fate.GARBAGE),
    Painted(6, "p6", Fate.PAINTED, 4),
]
AGREED = Stories(
    SENT,
    ANSWERED,
    PAINTED,
    account={
        ("ann", "text-to-image", "ok"): (1, 1),
        ("ann", "text-to-image", "model_error"): (1, 0),
        ("bob", "text-to-image", "ok"): (2, 3),
        ("bob", "text-to-image", "replayed"): (1, 0),
        ("bob", "models", "ok"): (1, 0),
    },
    standings=[Standing("ann", 0, 1), Standing("bob", 0, 3), Standing("local", 0, 0)],
    logged=["r1", "r2", "r3", "r4", "r5", "r6", "r7"],
    generator_requests=7,
)
