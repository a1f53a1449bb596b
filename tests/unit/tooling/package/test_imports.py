"""What import statements lead to, wherever they stand, is found; what they do not lead to is not."""

from tooling.package.imports import reached_modules


def reached(*, roots: list[str], cut: str = "", **texts: str | None) -> set[str]:
    sources = {
        name.replace("__", "."): None if text is None else text.encode() for name, text in texts.items()
    }
    return reached_modules(roots, sources, lambda name: name == cut)


def test_a_module_is_reached_through_others() -> None:
    found = reached(roots=["a"], a="import b", b="from c import something", c="", d="")
    assert found == {"a", "b", "c"}


def test_an_import_inside_a_function_or_a_condition_counts() -> None:
    text = "def f():\n    try:\n        import b\n    except ImportError:\n        from c import x\n"
    assert reached(roots=["a"], a=text, b="", c="") == {"a", "b", "c"}


def test_what_only_type_checkers_read_does_not_count_but_its_alternative_does() -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import b\nelse:\n    import c\n"
    assert reached(roots=["a"], a=text, b="", c="") == {"a", "c"}


def test_the_packages_around_a_module_are_reached_with_what_they_import() -> None:
    found = reached(roots=["a"], a="import p.q.m", p="import b", p__q="", p__q__m="", b="", p__other="")
    assert found == {"a", "p", "p.q", "p.q.m", "b"}


def test_relative_imports_are_found_from_modules_and_from_packages() -> None:
    found = reached(
        roots=["p"], p="from .m import x", p__m="from . import n\nfrom .q.k import y", p__n="", p__q="",
        p__q__k="from ..o import z", p__o="",
    )  # fmt: skip
    assert found == {"p", "p.m", "p.n", "p.q", "p.q.k", "p.o"}


def test_a_name_that_is_imported_from_a_package_may_be_a_module() -> None:
    assert reached(roots=["a"], a="from p import m, f", p="", p__m="", p__n="") == {"a", "p", "p.m"}


def test_compiled_modules_are_reached_and_lead_nowhere() -> None:
    assert reached(roots=["a"], a="from p import _c", p="", p___c=None) == {"a", "p", "p._c"}


def test_what_is_cut_is_not_reached_and_neither_is_what_it_alone_imports() -> None:
    assert reached(roots=["a"], cut="b", a="import b, d", b="import c", c="", d="") == {"a", "d"}
