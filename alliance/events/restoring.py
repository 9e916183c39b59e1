"""Bringing a record and its parts back to an earlier state: as a whole, by the models' own rules, or not at all."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.db.models import ProtectedError, RestrictedError
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from alliance.core.models import Record
from alliance.events.history import Stamp, State, Subject
from alliance.events.wording import Names, differing, instance_of, kept_fields

#: Of the rows that are in the way, so many are named.
NAMED = 3


@dataclass(frozen=True)
class Hindrance:
    """Why a row cannot be as it was: the row, the field (empty: the row as a whole), a sentence."""

    row: str
    field: str
    reason: str


class NotRestorableError(Exception):
    """The earlier state breaks a rule of today, or names what is gone. Nothing was written."""

    def __init__(self, hindrances: Sequence[Hindrance]) -> None:
        super().__init__(f"{len(hindrances)} hindrances")
        self.hindrances = list(hindrances)


class ChangedMeanwhileError(Exception):
    """Somebody wrote to the record or its parts since the editor looked. Nothing was written."""


def restore(
    subject: Subject, position: int, *, seen: Stamp, besides: Collection[type[models.Model]] = frozenset()
) -> None:
    """Make the record and its parts what they were when the entry at `position` had been written.

    Rows that were deleted come back with their old keys, rows that came later go; every row that changes gets a new
    version.

    Args:
        seen: the stamp of what the editor looked at.
        besides: parts of these models stay as they are now.
    Raises: ChangedMeanwhileError; NotRestorableError.
    """
    with transaction.atomic():
        subject.lock()
        if subject.stamp() != seen:
            raise ChangedMeanwhileError
        states = [one for one in changed_states(subject, position) if one.model not in besides]
        _Restoring(subject, states).run()


def changed_states(subject: Subject, position: int) -> list[State]:
    """The rows that are not what they were, the record itself first."""
    states = [one for one in subject.states(position) if one.is_lost or differing(one.model, one.now, one.then)]
    return sorted(states, key=lambda one: (one.model, one.record_id) != subject.key)


class _Restoring:
    """One restoration, inside its transaction."""

    def __init__(self, subject: Subject, states: Sequence[State]) -> None:
        self.subject, self.states = subject, states
        self.names = Names((one.model, image) for one in states for image in (one.now, one.then))
        #: Rows that were taken out for a moment, so that others find their place.
        self.taken_out: set[tuple[type[models.Model], int]] = set()

    def run(self) -> None:
        """Raises: NotRestorableError."""
        _stop_at([hindrance for state in self.states for hindrance in self._gone(state)])
        leaving = [state for state in self.states if state.then is None]
        _stop_at([hindrance for state in leaving for hindrance in self._attempt(state, self._delete)])
        self._write([state for state in self.states if state.then is not None])
        if self.states:
            self._count_on()
            _stop_at(self._attempt(self.states[0], self._check_keys))

    def _gone(self, state: State) -> list[Hindrance]:
        """What the row named and what is deleted since, unless it comes back as well."""
        if state.is_lost:
            return [self._hindrance(state, "", _("Its table was emptied since: what the row was is not kept."))]
        back = {(one.model, one.record_id) for one in self.states if one.then is not None}
        found = []
        for field in kept_fields(state.model) if state.then is not None else ():
            key = state.then.get(field.column)
            if key is None or not field.is_relation or (field.related_model, key) in back:
                continue
            if self.names.is_gone(field.related_model, key):
                name = self.names.of(field.related_model, key)
                reason = _("%(name)s is no longer there. Restore it first.") % {"name": name}
                found.append(self._hindrance(state, field.name, reason))
        return found

    def _write(self, states: Sequence[State]) -> None:
        """Save the rows. One whose place another row still holds waits; where rows wait for each other, one of them is
        taken out for a moment. Raises: NotRestorableError when that does not help either."""
        waiting = list(states)
        while waiting:
            refused = [(state, why) for state in waiting if (why := self._attempt(state, self._save))]
            if len(refused) == len(waiting) and not self._make_room([state for state, _why in refused]):
                raise NotRestorableError([one for _state, why in refused for one in why])
            waiting = [state for state, _why in refused]

    def _make_room(self, states: Sequence[State]) -> bool:
        """Take one part out that is still there. Keys that lead to it are checked when it is back."""
        for state in states:
            key = (state.model, state.record_id)
            if state.now is not None and key != self.subject.key and key not in self.taken_out:
                rows = state.model._base_manager.filter(pk=state.record_id)
                rows._raw_delete(rows.db)
                self.taken_out.add(key)
                return True
        return False

    # --- one row
    def _delete(self, state: State) -> None:
        row = state.model._base_manager.filter(pk=state.record_id).first()
        if row is not None:  # it may have gone with another one
            row.delete()

    def _save(self, state: State) -> None:
        rows = state.model._base_manager
        is_new = state.now is None or (state.model, state.record_id) in self.taken_out
        row = then = instance_of(state.model, state.then or {})
        if not is_new:
            row = rows.get(pk=state.record_id)
            for field in differing(state.model, state.now, state.then):
                setattr(row, field.attname, getattr(then, field.attname))
        elif isinstance(row, Record):
            row.version = state.version + 1
        born = getattr(row, "created_at", None)
        row.full_clean()
        row.save(force_insert=is_new)
        if is_new and born is not None:  # a first save dates the row anew
            rows.filter(pk=state.record_id).update(created_at=born)

    def _count_on(self) -> None:
        """The record gets a new version even if its parts alone change, as whoever edits it sees them with it."""
        if all((one.model, one.record_id) != self.subject.key for one in self.states):
            self.subject.model._base_manager.get(pk=self.subject.pk).save()

    def _check_keys(self, _state: State) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")

    # --- what went wrong, in words
    def _attempt(self, state: State, action: Callable[[State], None]) -> list[Hindrance]:
        """Do it, or undo it and say why it cannot be done."""
        try:
            with transaction.atomic():
                action(state)
        except ValidationError as error:
            return [
                self._hindrance(state, "" if name == NON_FIELD_ERRORS else name, message)
                for name, messages in error.message_dict.items()
                for message in messages
            ]
        except (ProtectedError, RestrictedError) as error:
            held = error.protected_objects if isinstance(error, ProtectedError) else error.restricted_objects
            names = _(", ").join(sorted(map(str, held))[:NAMED])
            return [self._hindrance(state, "", _("It came later, and is in use by now: %(names)s.") % {"names": names})]
        except IntegrityError:
            return [self._hindrance(state, "", _("Another record holds what it needs."))]
        return []

    def _hindrance(self, state: State, field_name: str, reason: str) -> Hindrance:
        image, part = state.then or state.now, self.subject.part_of_model.get(state.model)
        what = part.label if part and part.label else state.model._meta.verbose_name
        name = self.names.of_row(state.model, image, part) if image is not None else ""
        label = state.model._meta.get_field(field_name).verbose_name if field_name else ""
        return Hindrance(
            f"{capfirst(str(what))}: {name}" if name else capfirst(str(what)), capfirst(str(label)), reason
        )


def _stop_at(hindrances: Sequence[Hindrance]) -> None:
    """Raises: NotRestorableError when there are any."""
    if hindrances:
        raise NotRestorableError(hindrances)
