"""What can be known of a score.py without running it: that it parses, and has init() and run()."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
import warnings
from collections.abc import Iterator
from pathlib import Path

from profiler.errors import Problem

NEEDED = ("init", "run")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def read_script(path: Path) -> str:
    """The script's text in the encoding it declares; raises SyntaxError when it is not in that."""
    content = path.read_bytes()
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError) as error:
        reason = f"{error}; save the file as UTF-8"
        if isinstance(error, UnicodeDecodeError):
            line = content.count(b"\n", 0, error.start) + 1
            reason = f"line {line} is not {error.encoding}; save the file as UTF-8"
        raise SyntaxError(reason) from error


def check_script(source: str, filename: str, python: str | None = None) -> list[Problem]:
    """What keeps `source` from being served; the places are the file's name.

    `python` is the version it will run on, when known: what only a newer Python than ours may
    understand is left for that Python to judge. Nothing of the script is run.
    """
    if "\0" in source:
        return [Problem(filename, "holds NUL characters; is it a Python script?")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = compile(source, filename, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
            # The second pass finds what the grammar allows: `return` outside a function and so on.
            compile(tree, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        return [] if _is_newer(python) else [Problem(filename, _does_not_parse(error))]
    except (ValueError, RecursionError, MemoryError) as error:
        return [Problem(filename, f"does not parse: {error or 'too deeply nested'}; simplify it")]
    return [Problem(filename, message) for message in _wrong_names(tree)]


def _is_newer(python: str | None) -> bool:
    return python is not None and tuple(map(int, python.split(".")[:2])) > sys.version_info[:2]


def _does_not_parse(error: SyntaxError) -> str:
    line = (error.text or "").strip()
    shown = f" in `{line[:80]}`" if line else ""
    where = f"line {error.lineno}: " if error.lineno else ""
    return f"does not parse: {where}{error.msg}{shown}; correct it"


def _wrong_names(tree: ast.Module) -> Iterator[str]:
    names = set(_top_level_names(tree))
    if "*" in names:  # `from x import *` may bring either
        return
    for name in NEEDED:
        if name not in names:
            parameters = "raw_data" if name == "run" else ""
            yield f"has no {name}(); define `def {name}({parameters}):` at its top level"
    yield from _wrong_parameters(tree)


def _wrong_parameters(tree: ast.Module) -> Iterator[str]:
    """Plain functions the server could not call; a decorator may change parameters."""
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.decorator_list:
            continue
        if isinstance(node, ast.AsyncFunctionDef) and node.name in NEEDED:
            yield (
                f"line {node.lineno}: {node.name}() is async, and the scoring server does not wait "
                f"for it; write `def {node.name}` and asyncio.run() inside"
            )
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        if node.name == "init" and len(positional) > len(arguments.defaults):
            yield f"line {node.lineno}: init() is called without arguments; remove its parameters"
        takes_any = positional or arguments.vararg or arguments.kwonlyargs or arguments.kwarg
        if node.name == "run" and not takes_any:
            yield f"line {node.lineno}: run() is given the request; write `def run(raw_data):`"


def _top_level_names(node: ast.AST) -> Iterator[str]:
    """Names bound in the module's own scope, also inside `if`, `try`, `with` and loops."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.split(".")[0] for alias in child.names)
        elif isinstance(child, ast.Name):
            if isinstance(child.ctx, ast.Store):
                yield child.id
        elif isinstance(child, _SCOPES):
            yield getattr(child, "name", "")
        elif not (isinstance(child, _COMPREHENSIONS) or _is_bare_annotation(child)):
            yield from _top_level_names(child)


def _is_bare_annotation(node: ast.AST) -> bool:
    """`name: type` without a value binds nothing."""
    return isinstance(node, ast.AnnAssign) and node.value is None
