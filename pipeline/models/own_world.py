"""The world of a user's Python file: its own neighbours and folder, whatever ours are called.

A file may import `utils`, `models`, `config` or even `pipeline` from beside it, at once or later,
inside a function. While its code is imported or called:

- its folder is first on `sys.path`, and is the current folder;
- modules of ours, or of anybody's, that bear a neighbour's name are set aside, and come back
  afterwards; the neighbours are kept for the next time;
- what it prints goes to standard error, so that standard output stays free for results.

An import that runs later, in a layer's `forward`, finds the same world: modules of the folder get
an `__import__` of their own, which opens it again.
"""

from __future__ import annotations

import builtins
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from pipeline.errors import AtlasError

OURS = __name__.partition(".")[0]


class World:
    """What one folder's files see.

    Parameters
    ----------
    folder
        Where they stand.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._own: dict[str, ModuleType] = {}
        self._depth = 0

    def load(self, file: Path) -> ModuleType:
        """Import a file of the folder, and return its module.

        Raises
        ------
        AtlasError
            When it fails; with the line of the user's code where it did.
        """
        name, path = file.stem, str(file.resolve())
        spec = spec_from_file_location(name, path, loader=_Loader(self, name, path))
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        with self.open(), explained(file, "cannot be imported"):
            self._own.pop(name, None)
            sys.modules[name] = module
            spec.loader.exec_module(module)
        return module

    @contextmanager
    def open(self) -> Iterator[None]:
        """Let code see the world while the context lasts; it may be opened inside itself."""
        self._depth += 1
        try:
            if self._depth > 1:
                yield
            else:
                with self._neighbours(), _folder(self.folder), redirect_stdout(sys.stderr):
                    yield
        finally:
            self._depth -= 1

    @contextmanager
    def _neighbours(self) -> Iterator[None]:
        names = self._names()
        aside = _modules(names)
        for name in aside:
            del sys.modules[name]
        sys.modules.update(self._own)
        finder = _Finder(self, names)
        sys.meta_path.insert(0, finder)
        sys.path.insert(0, str(self.folder))
        try:
            yield
        finally:
            sys.meta_path.remove(finder)
            with suppress(ValueError):
                sys.path.remove(str(self.folder))
            self._own = _modules(names)
            back = {name: module for name, module in aside.items() if not self.owns(module)}
            for name in _modules({name.partition(".")[0] for name in back}):
                del sys.modules[name]
            sys.modules.update(back)

    def owns(self, module: ModuleType) -> bool:
        """Whether a module was imported in a world of this folder."""
        loader = getattr(getattr(module, "__spec__", None), "loader", None)
        return isinstance(loader, _Loader) and loader.world.folder == self.folder

    def _names(self) -> set[str]:
        """What can be imported from the folder, as far as something else could take its place.

        The standard library comes before the folder, as most of it does wherever Python runs; an
        installed package comes before a folder without `__init__.py`.
        """
        files = {path.stem for path in self.folder.glob("*.py")}
        packages = {path.parent.name for path in self.folder.glob("*/__init__.py")}
        loose = {path.parent.name for path in self.folder.glob("*/*.py")} - packages - files
        names = files | packages | {name for name in loose if name == OURS or not _installed(name)}
        return {name for name in names - sys.stdlib_module_names if not self._is_here(name)}

    def _is_here(self, name: str) -> bool:
        """Whether a module is that of the folder already, imported as modules usually are."""
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        if module is None or file is None or self.owns(module):
            return False
        path = Path(file).resolve()
        return path.parent == self.folder or path.parent.parent == self.folder

    def builtins(self) -> Mapping[str, Any]:
        """The builtins of the folder's modules, whose imports open the world."""

        def imported(*arguments: Any, **named: Any) -> Any:
            with self.open():
                try:
                    return builtins.__import__(*arguments, **named)
                except RuntimeError as error:
                    _mend_torchvision(error)
                    return builtins.__import__(*arguments, **named)

        return {**vars(builtins), "__import__": imported}


class _Finder:
    """Finds the folder's modules before any other finder does."""

    def __init__(self, world: World, names: set[str]) -> None:
        self._world, self._names = world, names

    def find_spec(
        self, name: str, path: Any = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] not in self._names:
            return None
        spec = PathFinder.find_spec(name, path or [str(self._world.folder)], target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(self._world, spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Runs a module's code with the imports of its world."""

    def __init__(self, world: World, name: str, path: str) -> None:
        super().__init__(name, path)
        self.world = world

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = self.world.builtins()
        super().exec_module(module)

    def get_code(self, fullname: str) -> CodeType:
        """Compile the source as it is now.

        Python takes compiled code that it kept for that of the source while the size and the time
        in whole seconds are equal; after a change within a second that would be the old network.
        """
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _modules(names: set[str]) -> dict[str, ModuleType]:
    """Return the imported modules of some names, with all that is inside them."""
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] in names}


def _installed(name: str) -> bool:
    spec = PathFinder.find_spec(name)
    return spec is not None and spec.origin is not None


def _mend_torchvision(error: RuntimeError) -> None:
    """Import torchvision with help, if it was what could not be imported; else raise the error."""
    from pipeline.models.torchvision_import import import_torchvision, operators_are_missing

    if not operators_are_missing(error):
        raise error
    import_torchvision()


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def explained(file: Path, what: str) -> Iterator[None]:
    """Turn whatever a user's code raises into a message with the line where it did.

    Raises
    ------
    AtlasError
        In place of an exception, and of an attempt to end the program.
    """
    try:
        yield
    except AtlasError:
        raise
    except SystemExit as error:
        problem = f"it ends the program (exit {error.code}){_line(error, file)}"
        advice = 'put what belongs to a script under: if __name__ == "__main__"'
        raise AtlasError(f"{file}: {what}: {problem}; {advice}") from error
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        raise AtlasError(f"{file}: {what}: {reason}{_line(error, file)}") from error


def _line(error: BaseException, file: Path) -> str:
    """Where in the user's folder an exception came from: " (line 9)", " (layers.py, line 3)"."""
    folder = file.parent.resolve()
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).resolve().is_relative_to(folder)
    ]
    if not frames:
        return ""
    last = Path(frames[-1].filename)
    where = "" if last.resolve() == file.resolve() else f"{last.name}, "
    return f" ({where}line {frames[-1].lineno})"


def called(world: World, file: Path, name: str, function: Callable[[], Any]) -> Any:
    """Call a function of the user's file in its world.

    Raises
    ------
    AtlasError
        When it fails.
    """
    with world.open(), explained(file, f"{name}() failed"):
        return function()
