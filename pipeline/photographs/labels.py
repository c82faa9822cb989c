"""True labels: the class that the name of a photograph's folder stands for.

A folder is called as the class is, in upper or lower case, with dashes or underscores for spaces;
by the first of several names ("tabby" for "tabby, tabby cat"); by the number of the network's
output; or, for ImageNet's classes, by the WordNet id ("n02123045"). `[dataset.labels]` names the
class of any other folder.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.errors import AtlasError, did_you_mean
from pipeline.photographs.finding import PhotographFile

_SYNSETS = "data/_info/imagenet_synsets.txt"  # of timm: ImageNet's ids in the order of its classes


def labels(
    found: Sequence[PhotographFile], classes: Sequence[str], named: Mapping[str, str], where: str
) -> tuple[dict[str, int], list[AtlasError]]:
    """Find the true class of every photograph that stands in the folder of a class.

    Parameters
    ----------
    found
        The photographs.
    classes
        The network's K class names.
    named
        Folder → class, as configured.
    where
        The configuration file, for messages.

    Returns
    -------
    tuple
        Photograph → index of its class, and an error for each folder whose class is not found.
        Where no folder bears the name of a class, folders are taken for mere folders.
    """
    known = _known(classes)
    folders = sorted({each.folder for each in found if each.folder})
    index = {each: known.get(_key(named.get(each, each))) for each in folders}
    errors = [
        _unknown(f'{where}: "dataset.labels.{folder}"', text, classes)
        for folder, text in named.items()
        if known.get(_key(text)) is None
    ]
    errors += [_no_folder(where, each, folders) for each in named if each not in folders]
    if all(each is None for each in index.values()):
        return {}, errors
    errors += [
        _unknown(f'{where}: "dataset.images": folder {folder}', folder, classes)
        for folder, class_index in index.items()
        if class_index is None and folder not in named
    ]
    of_photographs = {each.name: index.get(each.folder) for each in found}
    return {name: each for name, each in of_photographs.items() if each is not None}, errors


def _known(classes: Sequence[str]) -> dict[str, int]:
    """Every text that stands for a class → its index; names come first, then numbers, then ids."""
    known: dict[str, int] = {}
    for index, name in enumerate(classes):
        known.setdefault(_key(name), index)
    for index, name in enumerate(classes):
        known.setdefault(_key(name.partition(",")[0]), index)
    for index in range(len(classes)):
        known.setdefault(str(index), index)
    for index, synset in enumerate(_synsets(len(classes))):
        known.setdefault(synset, index)
    return known


def _key(text: str) -> str:
    return " ".join(text.lower().replace("_", " ").replace("-", " ").split())


def _synsets(count: int) -> list[str]:
    spec = importlib.util.find_spec("timm")
    if spec is None or not spec.submodule_search_locations:
        return []
    path = Path(spec.submodule_search_locations[0]) / _SYNSETS
    ids = path.read_text().split() if path.is_file() else []
    return ids if len(ids) == count else []


def _unknown(where: str, text: str, classes: Sequence[str]) -> AtlasError:
    hint = did_you_mean(text, classes) or ";"
    advice = f'name it: [dataset.labels] with FOLDER = "{classes[0]}"'
    return AtlasError(f'{where}: the network has no class "{text}"{hint} {advice}')


def _no_folder(where: str, folder: str, folders: Sequence[str]) -> AtlasError:
    hint = did_you_mean(folder, folders) or ";"
    there = f"there are {', '.join(folders)}" if folders else "no photographs stand in such folders"
    return AtlasError(f'{where}: "dataset.labels.{folder}": no folder of that name{hint} {there}')
