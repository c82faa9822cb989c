"""Interfaces: what a figure shows, and how."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pipeline.grammar.contents import Content


class Presentation(StrEnum):
    """How a content is shown."""

    FEATURE_VIS = "feature visualization"
    INFO_VIS = "information visualization"


@dataclass(frozen=True)
class Element:
    """A content and how it is presented."""

    content: Content
    presentation: Presentation


@dataclass(frozen=True)
class Interface:
    """One figure: what it shows, as the article's grammar writes it."""

    name: str
    elements: tuple[Element, ...]

    @property
    def contents(self) -> tuple[Content, ...]:
        """The contents named, each once, in order of first mention."""
        return tuple(dict.fromkeys(element.content for element in self.elements))


def show(content: Content, *presentations: Presentation) -> tuple[Element, ...]:
    """Elements of one content: `show(Activation(s), FEATURE_VIS, INFO_VIS)`.

    Without a presentation, information visualization is meant.
    """
    chosen = presentations or (Presentation.INFO_VIS,)
    return tuple(Element(content, each) for each in chosen)
