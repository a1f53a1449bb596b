"""Which modules are reached by the import statements of others, wherever in a file these stand."""

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping


def reached_modules(
    roots: Iterable[str], sources: Mapping[str, bytes | None], is_cut: Callable[[str], bool] = lambda _: False
) -> set[str]:
    """Every module of `sources` that `roots`, or what they import, can import; packages of modules among it.

    `sources` maps the names of modules to their text, or to None where they are compiled. A root need not be
    in it. What `is_cut` names is neither reached nor followed; what only type checkers read is not, either.
    """
    reached: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in reached or name not in sources or is_cut(name):
            continue
        package = name.rpartition(".")[0]
        if package and is_cut(package):
            continue
        reached.add(name)
        waiting.append(package)
        waiting += imported_names(sources[name] or b"", name, is_package=_is_package(name, sources))
    return reached


def imported_names(text: bytes, module: str, *, is_package: bool) -> list[str]:
    """What a module's import statements name: modules, and what may be a module or an attribute of one."""
    names: list[str] = []
    for statement in _statements(ast.parse(text)):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                names += _with_packages(alias.name)
        elif isinstance(statement, ast.ImportFrom):
            base = _absolute(statement, module, is_package=is_package)
            names += _with_packages(base)
            names += [f"{base}.{alias.name}" for alias in statement.names]
    return names


def _is_package(name: str, sources: Collection[str]) -> bool:
    return any(other.startswith(f"{name}.") for other in sources)


def _with_packages(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def _absolute(statement: ast.ImportFrom, module: str, *, is_package: bool) -> str:
    if not statement.level:
        return statement.module or ""
    parts = module.split(".")
    kept = parts[: len(parts) - statement.level + (1 if is_package else 0)]
    return ".".join([*kept, *([statement.module] if statement.module else [])])


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and _is_for_type_checkers(child.test):
            for other in child.orelse:
                yield other
                yield from _statements(other)
            continue
        if isinstance(child, ast.stmt):
            yield child
        yield from _statements(child)


def _is_for_type_checkers(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING", "t.TYPE_CHECKING")
