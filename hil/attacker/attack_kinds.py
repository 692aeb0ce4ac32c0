"""The table of attacks: what each needs to have heard, how it is made, and which refusal it should cost.

Names of refusals are those of the receivers' own counters: `fecf` and the like of the frames, `farm_…` of FARM-1,
`sdls_…` of the protected link; `ground_…` are those of the ground's receiver.
"""

from collections.abc import Callable, Mapping
from enum import Enum, unique
from typing import Final, NamedTuple

from hil.attacker import command_attacks as command
from hil.attacker import false_lander as lander
from hil.attacker import line_attacks as line
from hil.attacker import telemetry_attacks as telemetry
from hil.attacker.blow import Means, Place
from hil.attacker.wiretap import Wiretap

Maker = Callable[[Means], list[bytes]]


@unique
class Form(Enum):
    """What a maker gives."""

    FRAMES = "TC frames"  # on the ground's way or on the line
    SERVICES = "TC frames of VC 2"  # on the line; the lander takes none from the ground
    OCTETS = "octets of the line"
    TELEMETRY = "TM frames"


@unique
class Needs(Enum):
    """What must have been heard."""

    NOTHING = "nothing"
    COMMAND = "a command of the ground's"
    SERVICE = "a message of the lander's"
    REPORT = "a protected frame of the payload's"


@unique
class Moment(Enum):
    """When it is made."""

    NOW = "at once"
    BEHIND_A_COMMAND = "as the ground's next command leaves"
    BEFORE_A_REPORT = "as the payload's next protected frame leaves"


class AttackKind(NamedTuple):
    """One kind. `costs`: of the payload's and the ground's refusals some of these rise and no other; empty: none."""

    name: str
    form: Form
    needs: Needs
    make: Maker
    costs: frozenset[str]
    moment: Moment = Moment.NOW


FARM: Final = frozenset(("farm_ahead", "farm_repeated", "farm_outside_window", "farm_locked_out", "farm_waiting"))
_REPLAYED: Final = frozenset(("sdls_replayed",))
_BENT: Final = frozenset(("sdls_other_service", "sdls_taken_before"))
_FORGED: Final = frozenset(("sdls_not_authentic",))
_CLEAR: Final = frozenset(("sdls_spi_unknown", "sdls_spi_of_another_channel", "sdls_short", "sdls_not_authentic"))
_LINE: Final = frozenset(
    ("cltu_block", "cltu_cut", "octets_skipped", "tc_frame_short", "tc_frame_version", "tc_frame_spare")
) | {"tc_frame_scid", "tc_frame_length", "tc_frame_fecf", "tc_frame_reserved_type"}
_CHANNEL: Final = frozenset(("tc_channel_unknown", "tc_service_not_on_channel"))
_ANY: Final = FARM | _REPLAYED | _BENT | _CLEAR | _LINE | _CHANNEL | {"farm_directive_invalid"}
_GROUND: Final = frozenset(("ground_sdls", "ground_frame"))
_F, _S, _O, _T = Form.FRAMES, Form.SERVICES, Form.OCTETS, Form.TELEMETRY
_NOTHING, _COMMAND, _SERVICE, _REPORT = Needs
_BEHIND, _BEFORE = Moment.BEHIND_A_COMMAND, Moment.BEFORE_A_REPORT

# fmt: off
_ROWS: Final = (
    AttackKind("replay-newest", _F, _COMMAND, command.replay_newest, FARM | _REPLAYED),
    AttackKind("replay-at-once", _F, _COMMAND, command.replay_newest, FARM | _REPLAYED, _BEHIND),
    AttackKind("replay-old", _F, _COMMAND, command.replay_old, FARM | _REPLAYED),
    AttackKind("replay-burst", _F, _COMMAND, command.replay_burst, FARM | _REPLAYED),
    AttackKind("replay-fitted", _F, _COMMAND, command.replay_fitted, FARM | _REPLAYED),
    AttackKind("replay-bypassing", _F, _COMMAND, command.replay_bypassing, _REPLAYED),
    AttackKind("replay-renumbered", _F, _COMMAND, command.renumbered, FARM | _REPLAYED),
    AttackKind("hold-back", _F, _COMMAND, command.held_back, FARM | _REPLAYED | _BENT, _BEHIND),
    AttackKind("reorder", _F, _COMMAND, command.reorder, _REPLAYED),
    AttackKind("truncate", _F, _COMMAND, command.truncate, _CLEAR),
    AttackKind("behead", _F, _COMMAND, command.beheaded, _CLEAR),
    AttackKind("splice-halves", _F, _COMMAND, command.splice_halves, _CLEAR | _REPLAYED),
    AttackKind("splice-counter", _F, _COMMAND, command.splice_counter, _FORGED),
    AttackKind("splice-channel", _F, _COMMAND, command.splice_channel, _CLEAR),
    AttackKind("splice-packets", _F, _COMMAND, command.splice_packets, _FORGED),
    AttackKind("flip-spi", _F, _COMMAND, command.flip_spi, _CLEAR),
    AttackKind("flip-iv", _F, _COMMAND, command.flip_iv, _FORGED),
    AttackKind("flip-data", _F, _COMMAND, command.flip_data, _FORGED),
    AttackKind("flip-mac", _F, _COMMAND, command.flip_mac, _FORGED),
    AttackKind("flip-mended", _F, _COMMAND, command.flip_mended, _FORGED, _BEHIND),
    AttackKind("old-key", _F, _NOTHING, command.old_key, _FORGED),
    AttackKind("other-key", _F, _NOTHING, command.other_key, _CLEAR),
    AttackKind("other-channel", _F, _NOTHING, command.signed_for_another_channel, _FORGED),
    AttackKind("highest-counter", _F, _NOTHING, command.highest_counter, _FORGED),
    AttackKind("clear-bd", _F, _NOTHING, command.clear_bd, _CLEAR),
    AttackKind("clear-ad", _F, _NOTHING, command.clear_ad, FARM | _CLEAR),
    AttackKind("short", _F, _NOTHING, command.short, _CLEAR),
    AttackKind("unlock", _F, _NOTHING, command.unlock, FARM),
    AttackKind("move-v-r", _F, _NOTHING, command.move_v_r, FARM),
    AttackKind("move-v-r-amid", _F, _NOTHING, command.move_v_r, FARM, _BEHIND),
    AttackKind("no-directive", _F, _NOTHING, command.no_directive, _CHANNEL | {"farm_directive_invalid"}),
    AttackKind("wrong-header", _F, _NOTHING, command.wrong_header, _LINE),
    AttackKind("wrong-channel", _F, _NOTHING, command.wrong_channel, _CHANNEL),
    AttackKind("cut-unit", _O, _COMMAND, line.cut_unit, _LINE | _REPLAYED | FARM),
    AttackKind("cut-frame", _O, _COMMAND, line.cut_frame, _LINE),
    AttackKind("joined-units", _O, _COMMAND, line.joined_units, _LINE | _REPLAYED | FARM),
    AttackKind("damaged-unit", _O, _COMMAND, line.damaged_unit, _LINE | _REPLAYED | FARM),
    AttackKind("noise", _O, _NOTHING, line.noise, _LINE),
    AttackKind("promise", _O, _NOTHING, line.promised, _LINE),
    AttackKind("flood-replays", _O, _COMMAND, line.flood_replays, _REPLAYED),
    AttackKind("flood-forged", _O, _NOTHING, line.flood_forged, _FORGED),
    AttackKind("flood-clear", _O, _NOTHING, line.flood_clear, _CLEAR | FARM),
    AttackKind("flood-lander", _O, _NOTHING, line.flood_lander, frozenset()),
    AttackKind("flood-frames", _F, _NOTHING, line.flood_frames, FARM | _REPLAYED | _CLEAR),
    AttackKind("flood-mixed", _O, _COMMAND, line.flood_mixed, _ANY),
    AttackKind("lander-answers", _S, _NOTHING, lander.answer, frozenset()),
    AttackKind("lander-replays", _S, _SERVICE, lander.replay_services, frozenset()),
    AttackKind("lander-commands", _S, _NOTHING, lander.commands_for_it, frozenset()),
    AttackKind("lander-nonsense", _S, _NOTHING, lander.nonsense, frozenset()),
    AttackKind("lander-from-ground", _F, _NOTHING, lander.answer, frozenset()),
    AttackKind("control-words", _T, _NOTHING, telemetry.control_words, frozenset()),
    AttackKind("control-words-amid", _T, _NOTHING, telemetry.control_words, frozenset(), _BEHIND),
    AttackKind("clear-reports", _T, _NOTHING, telemetry.clear_reports, _GROUND),
    AttackKind("lander-reports", _T, _NOTHING, telemetry.reports_for_the_lander, _GROUND),
    AttackKind("reports-old-key", _T, _NOTHING, telemetry.signed_with_an_old_key, _GROUND),
    AttackKind("reports-replayed", _T, _REPORT, telemetry.replayed_telemetry, _GROUND),
    AttackKind("reports-flipped", _T, _REPORT, telemetry.flipped_telemetry, _GROUND, _BEFORE),
    AttackKind("reports-moved", _T, _REPORT, telemetry.moved_telemetry, _GROUND, _BEFORE),
    AttackKind("word-overtakes", _T, _REPORT, telemetry.overtaking_word, _GROUND, _BEFORE),
    AttackKind("rubbish", _T, _NOTHING, telemetry.rubbish, _GROUND),
)
# fmt: on
KINDS: Final[Mapping[str, AttackKind]] = {row.name: row for row in _ROWS}
assert len(KINDS) == len(_ROWS), "two kinds have one name"
FLOODS: Final = tuple(name for name in KINDS if name.startswith("flood"))
PLACES: Final[Mapping[Form, tuple[Place, ...]]] = {
    Form.FRAMES: (Place.GROUND, Place.LINE),
    Form.SERVICES: (Place.LINE,),
    Form.OCTETS: (Place.LINE, Place.LINE, Place.LINE, Place.AMID),
    Form.TELEMETRY: (Place.DOWN,),
}
"""Where each form may come in."""


def has_heard(tap: Wiretap, needs: Needs) -> bool:
    """Whether there is what a kind needs."""
    heard = {Needs.COMMAND: tap.commands, Needs.SERVICE: tap.services, Needs.REPORT: tap.telemetry}
    return needs is Needs.NOTHING or bool(heard[needs])
