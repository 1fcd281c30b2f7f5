"""The capture's statuses: the table that all movements have. What was taken stays taken."""

from shared.domain.movement_status import initial_of, transitions_of

TRANSITIONS = transitions_of("capture")

INITIAL = initial_of("capture")
