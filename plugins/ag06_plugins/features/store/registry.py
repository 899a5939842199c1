"""Which views, services and entities there are, and what a reference to features means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from ag06_plugins.features.store.expressions import Expression
from ag06d.plugin import Entity, FeatureService, FeatureView, Reference, RequestError

# What may be changed without changing what a row means.
FREE: Final = frozenset({"ttl_s", "retention_days", "owner", "description", "precision", "period_s", "nan"})


@dataclass(frozen=True, slots=True)
class Selection:
    """Some columns of one view, in the order in which they were asked for; `indices` are theirs in a row."""

    view: FeatureView
    columns: tuple[str, ...]
    indices: tuple[int, ...]


@dataclass(slots=True)
class Registry:
    """What was declared; a view with its version, once it is there, keeps its meaning."""

    views: dict[str, FeatureView] = field(default_factory=dict)
    services: dict[str, FeatureService] = field(default_factory=dict)
    entities: dict[str, Entity] = field(default_factory=dict)

    def apply(
        self,
        views: Iterable[FeatureView] = (),
        services: Iterable[FeatureService] = (),
        entities: Iterable[Entity] = (),
    ) -> list[str]:
        """Take in what can be taken in; what is wrong with the rest, a sentence each."""
        problems = []
        self.entities.update((entity.name, entity) for entity in entities)
        for view in views:
            problem = self._conflict(view)
            if problem:
                problems.append(problem)
            else:
                self.views[view.key] = view
        for service in services:
            try:
                self.select(service.features)
            except RequestError as error:
                problems.append(f"service {service.name}: {error.message} ({error.hint})")
            else:
                self.services[service.name] = service
        return problems

    def apply_all(self, other: Registry) -> list[str]:
        """Take in all that another one has."""
        return self.apply(other.views.values(), other.services.values(), other.entities.values())

    def _conflict(self, view: FeatureView) -> str:
        if view.entity not in self.entities:
            return f"view {view.key}: there is no entity {view.entity!r}; there is {_names(self.entities)}"
        before = self.views.get(view.key)
        if before is not None and (changes := list(differences(before, view, free=False))):
            return (
                f"view {view.key} is declared with another meaning than before: {'; '.join(changes)}; "
                f"give it version {view.version + 1}"
            )
        if view.source == "on_demand":
            return self._unreadable(view)
        return ""

    def _unreadable(self, view: FeatureView) -> str:
        """What an on-demand view reads and cannot."""
        for entry in view.fields:
            try:
                selected = self.select(Expression(entry.expression).inputs)
            except ValueError as error:
                return f"view {view.key}: {entry.name}: {error}"
            except RequestError as error:
                return f"view {view.key}: {entry.name}: {error.message} ({error.hint})"
            for text, read, indices in selected:
                if read.source == "on_demand" or len(indices) != 1:
                    what = "on demand itself" if read.source == "on_demand" else "more than one number"
                    return f"view {view.key}: {entry.name}: {text} is {what}"
        return ""

    def newest(self, name: str) -> FeatureView:
        """The highest version of a view; raises RequestError."""
        versions = [view for view in self.views.values() if view.name == name]
        if not versions:
            raise RequestError("unknown_path", f"there is no feature view {name!r}", self._near(name))
        return max(versions, key=lambda view: view.version)

    def view(self, name: str, version: int = 0) -> FeatureView:
        """A view; version 0 is the newest. `name` may have its version with it; raises RequestError."""
        reference = _parsed(name)
        version = version or reference.version
        if not version:
            return self.newest(reference.view)
        found = self.views.get(f"{reference.view}@{version}")
        if found is None:
            there = [str(view.version) for view in self.views.values() if view.name == reference.view]
            hint = f"there is version {', '.join(there)}" if there else self._near(reference.view)
            raise RequestError(
                "unknown_path", f"there is no version {version} of feature view {reference.view!r}", hint
            )
        return found

    def service(self, name: str) -> FeatureService:
        """A service; raises RequestError."""
        if name not in self.services:
            raise RequestError(
                "unknown_path",
                f"there is no feature service {name!r}",
                f"there is {_names(self.services)}",
            )
        return self.services[name]

    def select(self, references: Iterable[str]) -> list[tuple[str, FeatureView, tuple[int, ...]]]:
        """For each reference, in order: its columns are `view.columns[i]` for i in the tuple.

        Raises RequestError for what is no reference or refers to nothing.
        """
        return [(text, *self._columns(_parsed(text))) for text in references]

    def _columns(self, reference: Reference) -> tuple[FeatureView, tuple[int, ...]]:
        view = self.view(reference.view, reference.version)
        if not reference.field:
            return view, tuple(range(len(view.columns)))
        at = 0
        for entry in view.fields:
            columns = entry.columns
            if entry.name == reference.field:
                return view, tuple(range(at, at + len(columns)))
            if reference.field in columns:
                return view, (at + columns.index(reference.field),)
            at += len(columns)
        near = get_close_matches(reference.field, [*view.columns, *(f.name for f in view.fields)], n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {_names(view.columns)}"
        raise RequestError("unknown_path", f"feature view {view.key} has no field {reference.field!r}", hint)

    def selections(self, references: Iterable[str]) -> list[Selection]:
        """The columns of all references, each view once, in the order of the views' first mention."""
        wanted: dict[str, dict[int, None]] = {}
        for _, view, indices in self.select(references):
            wanted.setdefault(view.key, {}).update(dict.fromkeys(indices))
        columns = {key: self.views[key].columns for key in wanted}
        return [
            Selection(self.views[key], tuple(columns[key][i] for i in indices), tuple(indices))
            for key, indices in wanted.items()
        ]

    def _near(self, name: str) -> str:
        names = {view.name for view in self.views.values()}
        near = get_close_matches(name, names, n=1)
        return f"did you mean {near[0]}?" if near else f"there is {_names(names)}"


def _parsed(text: str) -> Reference:
    try:
        return Reference.parse(text)
    except ValueError as error:
        raise RequestError("bad_request", str(error), "such as level:left.rms_db") from None


def _names(names: Iterable[str], most: int = 12) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + more or "none"


def differences(before: FeatureView, after: FeatureView, *, free: bool = True) -> Iterator[str]:
    """What `after` has otherwise than `before`, a clause each; `free`: also what leaves the meaning alone."""
    old, new = _attributes(before), _attributes(after)
    for key in [key for key in old if key not in ("name", "version", "fields")]:
        if old[key] != new[key] and (free or key not in FREE):
            yield f"{key} was {_shown(old[key])} and is {_shown(new[key])}"
    fields = {f.name: f for f in before.fields}, {f.name: f for f in after.fields}
    yield from (f"{name} is gone" for name in sorted(fields[0].keys() - fields[1].keys()))
    yield from (f"{name} is new" for name in sorted(fields[1].keys() - fields[0].keys()))
    for name in sorted(fields[0].keys() & fields[1].keys()):
        old, new = _attributes(fields[0][name]), _attributes(fields[1][name])
        for key in old:
            if old[key] != new[key] and (free or key not in FREE):
                yield f"{name}: {key} was {_shown(old[key])} and is {_shown(new[key])}"
    if fields[0].keys() == fields[1].keys() and before.columns != after.columns:
        yield "the order of the columns is another"


def _attributes(declared: FeatureView | Any) -> Mapping[str, Any]:  # noqa: ANN401 - or one of its fields
    attributes: dict[str, Any] = declared.model_dump()
    return attributes


def _shown(value: object) -> str:
    return "not set" if value is None or value in ("", ()) else str(value)
