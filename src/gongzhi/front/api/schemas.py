"""What goes in and out by the REST interface. Not reporters' names and numbers: they are shown with a reason only."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Field, Header, Schema
from pydantic import AfterValidator, AwareDatetime

from gongzhi.act.directives.models import MOST_VALUE, RECEIVERS, Evidence
from gongzhi.act.directives.models import DirectiveState as _DirectiveState
from gongzhi.act.directives.models import Question as _Question
from gongzhi.act.directives.models import State as _PieceState
from gongzhi.act.directives.rhythm import Rhythm
from gongzhi.act.tasks.models import State as _TaskState
from gongzhi.act.whistles.models import Kind as WhistleKind
from gongzhi.act.whistles.models import State as _WhistleState
from gongzhi.act.whistles.models import UnitState as _UnitState
from gongzhi.ground.access.roles import Role
from gongzhi.sense.channels.models import LONGEST_TEXT, AnswerBy, Channel
from gongzhi.sense.channels.photos import MOST_PHOTOS
from gongzhi.understand.cases.models import Case, Ruling, Slip
from gongzhi.understand.cases.models import State as _CaseState
from gongzhi.understand.themes.models import State as _ThemeState
from gongzhi.verify.checks.models import Method, Result
from gongzhi.verify.checks.models import State as _CheckState


def plain(text: str) -> str:
    """Text that every database takes: no null bytes, no halves of characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("not text") from None
    return text.replace("\x00", "")


def one_of(*values: str) -> AfterValidator:
    def check(given: str) -> str:
        if given not in values:
            raise ValueError(f"one of: {', '.join(values)}")
        return given

    return AfterValidator(check)


# Spelled out and not as enumerations: many rooms have a "State" or a "Kind", and a description knows one of each name.
CaseState = Annotated[str, Field(json_schema_extra={"enum": list(_CaseState.values)})]
TaskState = Annotated[str, Field(json_schema_extra={"enum": list(_TaskState.values)})]
CheckState = Annotated[str, Field(json_schema_extra={"enum": list(_CheckState.values)})]
RulingState = Annotated[str, Field(json_schema_extra={"enum": list(Ruling.State.values)})]
RulingKind = Annotated[str, Field(json_schema_extra={"enum": list(Ruling.Kind.values)})]
SlipState = Annotated[str, Field(json_schema_extra={"enum": list(Slip.State.values)})]
WhistleState = Annotated[str, Field(json_schema_extra={"enum": list(_WhistleState.values)})]
UnitState = Annotated[str, Field(json_schema_extra={"enum": list(_UnitState.values)})]
ThemeState = Annotated[str, Field(json_schema_extra={"enum": list(_ThemeState.values)})]
DirectiveState = Annotated[str, Field(json_schema_extra={"enum": list(_DirectiveState.values)})]
AskKind = Annotated[str, Field(json_schema_extra={"enum": list(_Question.Kind.values)})]
PieceState = Annotated[str, Field(json_schema_extra={"enum": list(_PieceState.values)})]
CaseStates = Annotated[
    str,
    one_of("open", "all", *_CaseState.values),
    Field(json_schema_extra={"enum": ["open", "all", *_CaseState.values]}),
]
TaskStates = Annotated[
    str,
    one_of("waiting", "all", *_TaskState.values),
    Field(json_schema_extra={"enum": ["waiting", "all", *_TaskState.values]}),
]
CheckStates = Annotated[
    str,
    one_of("waiting", "all", *_CheckState.values),
    Field(json_schema_extra={"enum": ["waiting", "all", *_CheckState.values]}),
]
DirectiveStates = Annotated[
    str,
    one_of("all", *_DirectiveState.values),
    Field(json_schema_extra={"enum": ["all", *_DirectiveState.values]}),
]
PieceStates = Annotated[
    str,
    one_of("open", "late", "all", *_PieceState.values),
    Field(json_schema_extra={"enum": ["open", "late", "all", *_PieceState.values]}),
]
Text = Annotated[str, AfterValidator(plain)]


def reasonable(day: date) -> date:
    if not 1990 <= day.year <= 2200:
        raise ValueError("a year from 1990 to 2200")
    return day


def reasonable_moment(moment: datetime) -> datetime:
    reasonable(moment.date())
    return moment


Day = Annotated[date, AfterValidator(reasonable)]
Moment = Annotated[AwareDatetime, AfterValidator(reasonable_moment)]
Digits = Annotated[str, Field(pattern=r"^[0-9]{2,30}$", description="The path of a place.")]
Number = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,14}$", description="The number of a case.")]
Id = Annotated[int, Field(ge=1, le=2**62)]
Page = Annotated[int, Field(ge=1, le=200, description="From 1. Further back, narrow the list.")]
PageSize = Annotated[int, Field(ge=1, le=100)]
Version = Annotated[
    int | None,
    Field(ge=0, le=2**31, description="The version that was read. Refused (409) when somebody changed it meanwhile."),
]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=100,
        description="The same key with the same request within a day does nothing twice.",
    ),
]


class Problem(Schema):
    """Why something was refused (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="In the language of Accept-Language, to be shown to a person.")
    field: str | None = Field(None, description="What it is about, when it is one field.")


class Me(Schema):
    username: str
    name: str
    token: str
    verbs: list[str]
    expires_on: date


class PlaceOut(Schema):
    path: str
    code: str
    level: str
    name: str
    parent: str | None
    lon: float | None
    lat: float | None


class Places(Schema):
    items: list[PlaceOut]
    page: int
    has_next: bool


class QuestionOut(Schema):
    code: str
    kind: str
    label: str
    required: bool
    choices: list[dict[str, Any]]


class CategoryOut(Schema):
    code: str
    parent: str | None
    name: str
    hint: str
    retired_on: date | None


class CategoryWhole(CategoryOut):
    questions: list[QuestionOut]


class Lead(Schema):
    role: str
    place: str
    place_name: str


class CaseOut(Schema):
    number: str
    version: int
    state: CaseState
    summary: str
    category: str | None
    sorted_at: datetime | None
    urgency: Case.Urgency
    channel: str
    place: str
    place_name: str
    placed: bool = Field(description="False while nobody has said where it belongs.")
    address: str
    lon: float | None
    lat: float | None
    lead: Lead | None
    opened_at: datetime
    due_at: datetime | None
    yellow_at: datetime | None
    paused_at: datetime | None
    pause_reason: str
    review_on: date | None
    extensions: int
    extension_reason: str
    closed_at: datetime | None
    closed_as: str
    outcome: str
    reopened: int
    voices: int
    merged_into: str | None


class Cases(Schema):
    items: list[CaseOut]
    page: int
    has_next: bool


class StepOut(Schema):
    at: datetime
    title: str
    words: str
    fact: str
    by: str
    entry: int | None = Field(description="The entry of the record that says so.")


class Story(Schema):
    case: str
    steps: list[StepOut]


class MessageIn(Schema):
    text: Annotated[Text, Field(max_length=LONGEST_TEXT)]
    channel: Literal[Channel.PHONE, Channel.VISIT, Channel.FIELD, Channel.SYSTEM] = Channel.SYSTEM
    category: Annotated[Text, Field(max_length=80)] = ""
    place: Digits | None = None
    lon: float | None = None
    lat: float | None = None
    address: Annotated[Text, Field(max_length=200)] = ""
    name: Annotated[Text, Field(max_length=60)] = ""
    phone: Annotated[Text, Field(max_length=30)] = ""
    email: Annotated[Text, Field(max_length=120)] = ""
    answers: dict[Annotated[Text, Field(max_length=40)], Annotated[Text, Field(max_length=500)] | list[Text]] = Field(
        default_factory=dict, description="To the questions of the category, by their codes."
    )
    answer_by: AnswerBy = AnswerBy.NONE
    language: Literal["", "zh-hans", "en"] = ""


class MessageOut(Schema):
    number: str
    received_at: datetime
    place: str
    follow: str = Field(description="The secret link by which the reporter follows the matter and answers. Pass it on.")


class SortIn(Schema):
    category: Annotated[Text, Field(max_length=80)]
    place: Digits | None = None
    summary: Annotated[Text, Field(max_length=120)] = ""
    version: Version = None


class AssignIn(Schema):
    role: Role | None = Field(None, description="Without role and place: whom the responsibility matrix names.")
    place: Digits | None = None
    version: Version = None


class PauseIn(Schema):
    reason: Annotated[Text, Field(max_length=200, description="The reporter reads it.")]
    review_on: date
    version: Version = None


class VersionIn(Schema):
    version: Version = None


class ExtendIn(Schema):
    amount: Annotated[int, Field(ge=1, le=1000, description="In the unit of the deadline.")]
    reason: Annotated[Text, Field(max_length=200, description="The reporter reads it.")]
    version: Version = None


class ReopenIn(Schema):
    reason: Annotated[Text, Field(max_length=2000)]
    version: Version = None


class MergeIn(Schema):
    target: Number
    version: Version = None


class NoteIn(Schema):
    text: Annotated[Text, Field(max_length=2000)]


class NoteOut(Schema):
    id: int
    case: str
    text: str
    at: datetime


class TaskOut(Schema):
    id: int
    case: str
    summary: str
    round: int
    state: TaskState
    role: str
    place: str
    place_name: str
    due_at: datetime | None
    opened_at: datetime
    accepted_at: datetime | None
    ended_at: datetime | None
    words: str
    return_reason: str


class Tasks(Schema):
    items: list[TaskOut]
    page: int
    has_next: bool


class DoneIn(Schema):
    words: Annotated[Text, Field(max_length=500, description="What was done; the reporter reads it.")]


class ReturnIn(Schema):
    reason: Annotated[Text, Field(max_length=300)]


class CheckOut(Schema):
    id: int
    case: str
    task: int
    state: CheckState
    asked_at: datetime
    due_at: datetime | None
    attempts: int
    method: str
    result: str
    words: str
    concluded_at: datetime | None


class Checks(Schema):
    items: list[CheckOut]
    page: int
    has_next: bool


class ConcludeIn(Schema):
    result: Result
    method: Method
    words: Annotated[Text, Field(max_length=1000)] = ""


class RulingOut(Schema):
    id: int
    case: str
    kind: RulingKind
    state: RulingState
    referral: str
    reason: str
    place: str = Field(description="Whose ruler decides: the path of a place.")
    place_name: str
    asked_at: datetime
    asked_role: str
    due_at: datetime
    escalation: int = Field(description="How many steps up it has gone, being late.")
    decided_at: datetime | None
    words: str


class Rulings(Schema):
    items: list[RulingOut]
    page: int
    has_next: bool


class DecideIn(Schema):
    words: Annotated[Text, Field(max_length=500, description="The reasons; those concerned read them.")]
    agreed: bool = Field(True, description="Of a referral, and of what is beyond duty.")
    role: Role | None = Field(None, description="Of whose it is: who leads, with place.")
    place: Digits | None = None


class SlipOut(Schema):
    id: int
    number: str
    case: str
    part: int | None = Field(description="The part of a co-handler, when that is what is late.")
    ruling: int | None = Field(description="The ruling, when that is what is late.")
    step: int
    state: SlipState
    role: str
    place: str
    supervisor_role: str
    supervisor_place: str | None
    was_due_at: datetime | None
    opened_at: datetime
    due_at: datetime
    answer: str
    answered_at: datetime | None


class Slips(Schema):
    items: list[SlipOut]
    page: int
    has_next: bool


class SlipAnswerIn(Schema):
    answer: Annotated[Text, Field(max_length=1000, description="Why it is late, and what happens now until when.")]


class UnitOut(Schema):
    id: int
    role: str
    place: str | None
    outside: str = Field(description="The name of a unit outside this house.")
    leads: bool
    state: UnitState
    arrived_at: datetime | None
    late: bool
    measures: str
    result: str
    reported_at: datetime | None


class WhistleOut(Schema):
    id: int
    number: str
    kind: WhistleKind
    state: WhistleState
    place: str
    place_name: str
    need: str
    site: str
    blown_at: datetime
    arrive_by: datetime
    result: str
    ended_at: datetime | None
    units: list[UnitOut]


class Whistles(Schema):
    items: list[WhistleOut]
    page: int
    has_next: bool


class CalledIn(Schema):
    role: Role | None = None
    place: Digits | None = None
    outside: Annotated[Text, Field(max_length=80, description="Or a unit outside this house, by its name.")] = ""


class WhistleIn(Schema):
    place: Digits
    kind: WhistleKind
    need: Annotated[Text, Field(max_length=1000, description="The units read it. No names of residents.")]
    site: Annotated[Text, Field(max_length=200)]
    units: Annotated[list[CalledIn], Field(max_length=20)]
    lead: Annotated[int, Field(ge=0, le=19, description="Which of the units leads, counted from 0.")] = 0
    cases: Annotated[list[Number], Field(max_length=50)] = Field(default_factory=list)


class ReportIn(Schema):
    measures: Annotated[Text, Field(max_length=1000)]
    result: Annotated[Text, Field(max_length=1000)]


class ResultIn(Schema):
    result: Annotated[Text, Field(max_length=1000)]


class ThemeOut(Schema):
    id: int
    number: str
    state: ThemeState
    name: str
    place: str
    place_name: str
    since: datetime
    until: datetime
    terms: list[str]
    size: int
    owner_role: str
    owner_place: str | None
    due_at: datetime | None
    outcome: str
    answered_at: datetime | None


class Themes(Schema):
    items: list[ThemeOut]
    page: int
    has_next: bool


class RateNumbers(Schema):
    """How many cases each number counts, and the three shares; nothing where nothing was counted."""

    contact_due: int
    contact_in_time: int
    contact_late: int
    asked: int
    answered: int
    helped: int
    not_helped: int
    rated: int
    satisfied: int
    partly: int
    not_satisfied: int
    unreachable: int
    seen: int
    excluded: int
    response: float | None = Field(description="contact_in_time of contact_due.")
    resolution: float | None = Field(description="helped of answered.")
    satisfaction: float | None = Field(description="satisfied of rated.")


class RateRow(RateNumbers):
    label: str
    role: str = Field(description="By unit: the responsible role; empty while a case is nobody's.")
    place: str = Field(description="By unit and by place: its path.")
    category: str = Field(description="By category: its code, or `unsorted`.")


class RatesOut(Schema):
    since: date
    until: date
    by: str
    total: RateNumbers
    items: list[RateRow] = Field(description="By name: a list by numbers would be a ranking.")


class DirectiveOut(Schema):
    id: int
    number: str
    version: int
    state: DirectiveState
    title: str
    urgent: bool
    issuer_role: str
    issuer_place: str
    issuer_place_name: str
    target_level: str
    rhythm: str
    next_on: date | None = Field(description="When it is sent again.")
    created_at: datetime
    issued_at: datetime | None
    ended_at: datetime | None
    ending: str = Field(description="Why it was withdrawn.")


class Directives(Schema):
    items: list[DirectiveOut]
    page: int
    has_next: bool


class RoundOut(Schema):
    """One sending."""

    number: int
    sent_at: datetime
    due_at: datetime
    places: int


class DirectiveWhole(DirectiveOut):
    text: str
    done_when: str
    legal_basis: str
    reply_span: str
    reply_by: datetime | None
    evidence: str
    evidence_reason: str
    value: int
    minutes: int
    assist_item: str
    asks_for: list[str]
    asks_because: str
    starts_on: date | None
    ends_on: date | None
    target_places: list[str]
    target_profile: str
    files: list[str]
    rounds: list[RoundOut] = Field(description="The newest first.")


class DirectiveIn(Schema):
    title: Annotated[Text, Field(max_length=120)]
    text: Annotated[Text, Field(max_length=5000, description="What is to be done. No personal data.")]
    done_when: Annotated[Text, Field(max_length=500, description="Results are looked at by this.")]
    target_level: Annotated[
        str,
        one_of(*RECEIVERS),
        Field(json_schema_extra={"enum": [str(one) for one in RECEIVERS]}, description="To each place of this level …"),
    ]
    target_places: Annotated[
        list[Digits], Field(min_length=1, max_length=300, description="… in these places, by their paths.")
    ]
    target_profile: Annotated[Text, Field(max_length=20)] = ""
    reply_span: Annotated[Text, Field(max_length=40, description="“3 working_days”; or reply_by.")] = ""
    reply_by: Moment | None = None
    legal_basis: Annotated[Text, Field(max_length=300)] = ""
    urgent: bool = False
    evidence: Evidence = Evidence.NONE
    evidence_reason: Annotated[Text, Field(max_length=200, description="Why a photo; the worker reads it.")] = ""
    value: Annotated[int, Field(ge=0, le=MOST_VALUE, description="Points of one piece.")] = 0
    minutes: Annotated[int, Field(ge=0, le=6000, description="What one place needs, as an estimate.")] = 0
    assist_item: Annotated[Text, Field(max_length=20, description="Of the list of what communities assist with.")] = ""
    asks_for: Annotated[list[Annotated[Text, Field(max_length=40)]], Field(max_length=50)] = Field(
        default_factory=list, description="Codes of the data that it asks for; what is there already is refused."
    )
    asks_because: Annotated[Text, Field(max_length=300)] = ""
    rhythm: Rhythm = Rhythm.ONCE
    starts_on: Day | None = None
    ends_on: Day | None = None


class DirectiveNew(DirectiveIn):
    office: Digits | None = Field(None, description="In whose name; without it the highest of the own offices.")


class DirectiveChange(DirectiveIn):
    version: Version = None


class WithdrawIn(Schema):
    reason: Annotated[Text, Field(max_length=300, description="Everybody who has a piece reads it.")]
    version: Version = None


class Figures(Schema):
    """How pieces stand. `late` and `in_time` are counted among the others as well."""

    places: int
    unread: int
    working: int
    late: int
    asking: int
    results: int
    done: int
    over: int
    in_time: int


class PartOut(Figures):
    path: str
    name: str


class AskedOut(Schema):
    """A question of the office that has the piece."""

    id: int
    kind: AskKind
    words: str
    asked_at: datetime
    due_at: datetime
    outcome: str = Field(description="Empty while it is open.")
    answer: str
    answered_at: datetime | None


class ResultOut(Schema):
    id: int
    assignment: int
    at: datetime
    by: str
    words: str
    minutes: int
    photos: int
    counted: bool = Field(description="False: it came when this was no longer asked for. It is kept.")


class AssignmentOut(Schema):
    id: int
    directive: int
    number: str = Field(description="Of the directive.")
    title: str
    urgent: bool
    round: int
    version: int
    state: PieceState
    role: str
    place: str
    place_name: str
    asker_place: str = Field(description="The office that asks for it: the issuer, or who passed it down.")
    asker_place_name: str
    parent: int | None = Field(description="The piece of which this is a part.")
    part: str
    due_at: datetime | None = Field(description="Nothing while the clock waits for an answer.")
    yellow_at: datetime | None
    read_at: datetime | None
    accepted_at: datetime | None
    reported_at: datetime | None
    ended_at: datetime | None
    returns: int
    return_reason: str
    article: str = Field(description="By which it was refused.")
    question: AskedOut | None = Field(description="The open one.")
    result: ResultOut | None = Field(description="The last one.")


class Assignments(Schema):
    items: list[AssignmentOut]
    page: int
    has_next: bool


class AssignmentWhole(AssignmentOut):
    text: str
    done_when: str
    legal_basis: str
    evidence: str
    evidence_reason: str
    value: int
    minutes: int
    asks_because: str
    refusable_by: str = Field(description="The article by which it can be refused now; empty: it cannot.")
    questions: list[AskedOut]
    results: list[ResultOut]
    pieces: list[AssignmentOut] = Field(description="What was split off or passed down.")


class BoardOut(Schema):
    directive: int
    round: RoundOut | None = Field(description="Nothing while it has not been sent.")
    at: str
    figures: Figures
    parts: list[PartOut] = Field(description="One step further down; none where that is single places.")
    items: list[AssignmentOut]
    page: int
    has_next: bool


class AskIn(Schema):
    kind: Annotated[AskKind, one_of(*_Question.Kind.values)]
    words: Annotated[Text, Field(max_length=1000)]


class PieceIn(Schema):
    place: Digits | None = Field(None, description="A place below; without it a part of the own office.")
    part: Annotated[Text, Field(max_length=200, description="Which part; needed for one of the own office.")] = ""


class PassIn(Schema):
    pieces: Annotated[list[PieceIn], Field(min_length=1, max_length=500)]


class DoneReportIn(Schema):
    words: Annotated[Text, Field(max_length=1000, description="What was done; the asking office reads it.")]
    minutes: Annotated[int, Field(ge=0, le=6000)] = 0
    photos: Annotated[list[str], Field(max_length=MOST_PHOTOS)] = Field(
        default_factory=list, description="In base64; the whole request at most 4 MB. Never needed."
    )
    key: UUID | None = Field(None, description="Of the sending device: the same key is one report, for ever.")


class AnswerIn(Schema):
    outcome: Literal["answered", "released", "taken"]
    answer: Annotated[Text, Field(max_length=1000, description="The place reads it.")]
