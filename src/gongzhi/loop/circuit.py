"""Who reacts to which event. This page is the whole circuit; ``docs/explanation/the-circuit.md`` tells how it runs."""

from __future__ import annotations

from gongzhi.act.tasks import actions as tasks
from gongzhi.act.tasks.events import TaskReported, TaskReturned
from gongzhi.loop.wires import When
from gongzhi.sense.channels import actions as channels
from gongzhi.sense.channels.events import MessageReceived, MessagesImported
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.events import (
    CaseAssigned,
    CaseAwaitsCheck,
    CaseClosed,
    CaseExcluded,
    CaseOpened,
    CasePaused,
    CasePlaced,
    CaseReferred,
    CaseReopened,
    CaseResumed,
    CasesMerged,
    CaseSorted,
    CasesUnmerged,
    CaseTakenBack,
    CaseWithdrawn,
    DeadlineExtended,
    PartAsked,
    PartDropped,
    UrgencyMarked,
    VoiceJoined,
    VoicesCame,
    VoicesLeft,
    VoiceWithdrawn,
)
from gongzhi.understand.duplicates import actions as duplicates
from gongzhi.understand.search import actions as search
from gongzhi.understand.suggestions import actions as suggestions
from gongzhi.understand.themes.events import ThemeAnswered
from gongzhi.verify.checks import actions as checks
from gongzhi.verify.checks.events import CheckAsked, CheckFailed, CheckPassed
from gongzhi.verify.notices import actions as notices

CIRCUIT: tuple[When, ...] = (
    # sense -> understand
    When(MessageReceived, then=cases.open_from_message),
    When(MessageReceived, then=channels.prepare_photos, only=lambda event: event.photos > 0),
    When(MessagesImported, then=cases.open_from_import, only=lambda event: event.count > 0),
    # inside understand: what a case says can be found
    When(CaseOpened, then=search.index_cases, batch=True),
    When(CaseSorted, then=search.index_cases, batch=True),
    When(CasePlaced, then=search.index_cases, batch=True),
    When(CaseAssigned, then=search.index_cases, batch=True),
    When(CaseTakenBack, then=search.index_cases, batch=True),
    When(VoiceJoined, then=search.index_cases, batch=True),
    When(VoicesCame, then=search.index_cases, batch=True),
    When(VoicesLeft, then=search.index_cases, batch=True),
    # inside understand: what a text may say of other cases
    When(CaseOpened, then=duplicates.sign_cases, batch=True),
    When(CaseReopened, then=duplicates.sign_cases, batch=True),
    # inside understand: what it seems to be about is suggested; a person's decision says whether that was right
    When(CaseOpened, then=suggestions.suggest, batch=True),
    When(CaseSorted, then=suggestions.note_confirmation),
    When(UrgencyMarked, then=suggestions.note_urgency),
    # understand -> act
    When(CaseAssigned, then=tasks.open_for_cases, batch=True),
    When(CaseReopened, then=tasks.open_for_case),
    When(CaseWithdrawn, then=tasks.cancel_for_case),
    When(CasesMerged, then=tasks.cancel_for_case),
    When(CasesUnmerged, then=tasks.open_for_case),
    When(CaseReferred, then=tasks.cancel_for_case),
    When(PartAsked, then=tasks.open_for_part),
    When(PartDropped, then=tasks.cancel_for_part),
    When(CaseTakenBack, then=tasks.cancel_for_case, only=lambda event: event.task_id is None),
    When(CaseAwaitsCheck, then=tasks.cancel_for_case),
    When(CasePaused, then=tasks.follow_clock),
    When(CaseResumed, then=tasks.follow_clock),
    When(DeadlineExtended, then=tasks.follow_clock),
    When(CaseSorted, then=tasks.follow_clock),
    When(UrgencyMarked, then=tasks.follow_clock),
    When(CasePlaced, then=tasks.follow_clock),
    # act -> understand: what became of the work
    When(TaskReported, then=cases.await_check, back=True),
    When(TaskReturned, then=cases.take_back, back=True),
    # understand -> verify
    When(CaseAwaitsCheck, then=checks.ask_whether_it_helped),
    When(CaseWithdrawn, then=checks.drop_for_case),
    When(CasesMerged, then=checks.drop_for_case),
    When(VoicesLeft, then=checks.weigh_again),
    When(VoiceWithdrawn, then=checks.weigh_again),
    # everybody is told each step
    When(MessageReceived, then=notices.tell_reporters, only=lambda event: event.written_to),
    When(VoiceJoined, then=notices.tell_reporters),
    When(VoicesCame, then=notices.tell_reporters),
    When(CasesUnmerged, then=notices.tell_reporters),
    When(CaseAssigned, then=notices.tell_of_assigned, batch=True),
    When(CasePaused, then=notices.tell_reporters),
    When(CaseResumed, then=notices.tell_reporters),
    When(DeadlineExtended, then=notices.tell_reporters),
    When(CheckAsked, then=notices.tell_reporters),
    When(CaseClosed, then=notices.tell_reporters, only=lambda event: event.closed_as != "imported"),
    When(CaseReopened, then=notices.tell_reporters),
    When(CaseReferred, then=notices.tell_reporters),
    When(CaseExcluded, then=notices.tell_reporters),
    When(ThemeAnswered, then=notices.tell_reporters),
    # verify -> understand: the only way by which a case closes
    When(CheckPassed, then=cases.close_after_check, back=True),
    When(CheckFailed, then=cases.reopen_after_check, back=True),
)
