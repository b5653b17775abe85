"""The staff's addresses. Cases are named by their number, tasks and checks by their id."""

from django.urls import path, register_converter

from gongzhi.front.workbench.views import (
    administration,
    bulk,
    bulletins,
    burden,
    calls,
    case,
    cases,
    categories,
    chat,
    demo,
    disputes,
    enter,
    export,
    imports,
    inbox,
    load,
    maps,
    photos,
    points,
    profiles,
    rates,
    related,
    rulings,
    saved,
    slips,
    standins,
    steps,
    suggestions,
    themes,
    today,
    tokens,
    told,
    voices,
    whistles,
    work,
)

app_name = "workbench"


class Number:
    """A case number. Anything else is no address of ours."""

    regex = "[0-9A-Za-z-]{1,14}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Number, "number")


class TableForm:
    """How a table is written."""

    regex = "csv|xlsx"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(TableForm, "tableform")


class TreeOrMatrix(Number):
    regex = "tree|matrix"


register_converter(TreeOrMatrix, "tree_or_matrix")

urlpatterns = [
    path("", today.Today.as_view(), name="today"),
    path("inbox/", inbox.Inbox.as_view(), name="inbox"),
    path("inbox/<number:number>/", inbox.InboxCase.as_view(), name="inbox_case"),
    path("inbox/<number:number>/lead/", inbox.LeadProposal.as_view(), name="inbox_lead"),
    path("inbox/<number:number>/there/", inbox.There.as_view(), name="inbox_there"),
    path("cases/", cases.Cases.as_view(), name="cases"),
    path("cases/export.<tableform:form>", export.CasesExport.as_view(), name="cases_export"),
    path("cases/print/", cases.CasesPrint.as_view(), name="cases_print"),
    path("inbox/<number:number>/undo/", inbox.Undo.as_view(), name="inbox_undo"),
    path("cases/bulk/", bulk.Bulk.as_view(), name="bulk"),
    path("cases/bulk/done/", bulk.BulkDone.as_view(), name="bulk_done"),
    path("cases/columns/", saved.Columns.as_view(), name="columns"),
    path("views/", saved.Saved.as_view(), name="saved"),
    path("views/<int:pk>/", saved.ChangeView.as_view(), name="saved_change"),
    path("keys/", saved.Keys.as_view(), name="keys"),
    path("cases/<number:number>/", case.CasePage.as_view(), name="case"),
    path("cases/<number:number>/hand-over/", case.HandOver.as_view(), name="case_assign"),
    path("cases/<number:number>/pause/", case.Pause.as_view(), name="case_pause"),
    path("cases/<number:number>/resume/", case.Resume.as_view(), name="case_resume"),
    path("cases/<number:number>/extend/", case.Extend.as_view(), name="case_extend"),
    path("cases/<number:number>/note/", case.WriteNote.as_view(), name="case_note"),
    path("cases/<number:number>/reopen/", case.Reopen.as_view(), name="case_reopen"),
    path("cases/<number:number>/similar/", voices.Similar.as_view(), name="similar"),
    path("cases/<number:number>/similar/<number:other>/", voices.Compare.as_view(), name="compare"),
    path("cases/<number:number>/similar/<number:other>/apart/", voices.FindApart.as_view(), name="apart"),
    path("cases/<number:number>/merge/", voices.Merge.as_view(), name="case_merge"),
    path("cases/<number:number>/unmerge/", voices.Unmerge.as_view(), name="case_unmerge"),
    path("cases/<number:number>/voices/", voices.Voices.as_view(), name="voices"),
    path("cases/<number:number>/voices/add/", voices.AddVoice.as_view(), name="case_voice"),
    path("cases/<number:number>/reveal/", case.RevealReporter.as_view(), name="case_reveal"),
    path("cases/<number:number>/beside/", rulings.Beside.as_view(), name="case_beside"),
    path("cases/<number:number>/refer/", rulings.Refer.as_view(), name="case_refer"),
    path("cases/<number:number>/exclude/", rulings.Exclude.as_view(), name="case_exclude"),
    path("cases/<number:number>/contact/", rulings.Contact.as_view(), name="case_contact"),
    path("cases/<number:number>/part/", rulings.AskPart.as_view(), name="case_part"),
    path("cases/<number:number>/part/<int:pk>/drop/", rulings.DropPart.as_view(), name="case_part_drop"),
    path("rulings/", rulings.Rulings.as_view(), name="rulings"),
    path("rulings/<int:pk>/", rulings.RulingPage.as_view(), name="ruling"),
    path("slips/", slips.Slips.as_view(), name="slips"),
    path("slips/print/", slips.SlipsPrint.as_view(), name="slips_print"),
    path("slips/<int:pk>/", slips.SlipPage.as_view(), name="slip"),
    path("steps/<int:pk>/", steps.StepPage.as_view(), name="step"),
    path("steps/<int:pk>/sheet/", steps.StepSheet.as_view(), name="step_sheet"),
    path("slips/<int:pk>/sheet/", slips.SlipSheet.as_view(), name="slip_sheet"),
    path("cases/<number:number>/related/", related.Related.as_view(), name="case_related"),
    path("recordings/<uuid:uid>/", photos.PlayRecording.as_view(), name="recording"),
    path("photos/<uuid:uid>/<str:size>/", photos.ShowPhoto.as_view(), name="photo"),
    path("suggestions/", suggestions.Suggestions.as_view(), name="suggestions"),
    path("callers/", suggestions.Callers.as_view(), name="callers"),
    path("enter/suggest/", enter.EnterSuggest.as_view(), name="enter_suggest"),
    path("enter/", enter.Enter.as_view(), name="enter"),
    path("enter/similar/", voices.SimilarWhileEntering.as_view(), name="enter_similar"),
    path("enter/<number:number>/", enter.Entered.as_view(), name="entered"),
    path("chat/", chat.PasteChat.as_view(), name="chat"),
    path("tasks/", work.Tasks.as_view(), name="tasks"),
    path("tasks/print/", work.TasksPrint.as_view(), name="tasks_print"),
    path("tasks/<int:pk>/", work.TaskPage.as_view(), name="task"),
    path("tasks/<int:pk>/accept/", work.Accept.as_view(), name="task_accept"),
    path("tasks/<int:pk>/done/", work.Done.as_view(), name="task_done"),
    path("tasks/<int:pk>/return/", work.Return.as_view(), name="task_return"),
    path("tasks/<int:pk>/sheet/", work.TaskSheet.as_view(), name="task_sheet"),
    path("themes/", themes.Themes.as_view(), name="themes"),
    path("themes/look/", themes.ThemesLook.as_view(), name="themes_look"),
    path("themes/new/", themes.ThemeNew.as_view(), name="theme_new"),
    path("themes/<int:pk>/", themes.ThemePage.as_view(), name="theme"),
    path("themes/<int:pk>/points.json", themes.ThemePoints.as_view(), name="theme_points"),
    path("themes/<int:pk>/sheet/", themes.ThemeSheet.as_view(), name="theme_sheet"),
    path("themes/<int:pk>/quotes/<int:quote>/out/", themes.QuoteOut.as_view(), name="theme_quote_out"),
    path("themes/<int:pk>/do/<slug:act>/", themes.ThemeAct.as_view(), name="theme_act"),
    path("disputes/", disputes.Disputes.as_view(), name="disputes"),
    path("disputes/new/", disputes.DisputeNew.as_view(), name="dispute_new"),
    path("disputes/<int:pk>/", disputes.DisputePage.as_view(), name="dispute"),
    path("disputes/<int:pk>/do/<slug:act>/", disputes.DisputeAct.as_view(), name="dispute_act"),
    path("disputes/<int:pk>/sheet/<slug:what>/", disputes.DisputeSheet.as_view(), name="dispute_sheet"),
    path("whistles/", whistles.Whistles.as_view(), name="whistles"),
    path("whistles/new/", whistles.WhistleNew.as_view(), name="whistle_new"),
    path("whistles/<int:pk>/", whistles.WhistlePage.as_view(), name="whistle"),
    path("whistles/<int:pk>/end/", whistles.WhistleEnd.as_view(), name="whistle_end"),
    path("whistles/<int:pk>/off/", whistles.WhistleOff.as_view(), name="whistle_off"),
    path("whistles/<int:pk>/sheet/", whistles.WhistleSheet.as_view(), name="whistle_sheet"),
    path("whistles/units/<int:pk>/<slug:act>/", whistles.UnitAct.as_view(), name="whistle_unit"),
    path("points/", points.Points.as_view(), name="points"),
    path("points/claims/<int:pk>/", points.PointsClaim.as_view(), name="points_claim"),
    path("points/claims/<int:pk>/<slug:act>/", points.PointsClaimAct.as_view(), name="points_claim_act"),
    path("points/households/<int:pk>/", points.PointsHousehold.as_view(), name="points_household"),
    path("points/households/<int:pk>/card/", points.PointsCard.as_view(), name="points_card"),
    path("points/households/<int:pk>/<slug:act>/", points.PointsHouseholdAct.as_view(), name="points_household_act"),
    path("points/<str:path>/", points.PointsPlace.as_view(), name="points_place"),
    path("points/<str:path>/publish/", points.PointsPublish.as_view(), name="points_publish"),
    path("points/<str:path>/poster/", points.PointsPoster.as_view(), name="points_poster"),
    path("points/<str:path>/rules/", points.PointsRules.as_view(), name="points_rules"),
    path("points/<str:path>/rules/<slug:act>/", points.PointsRulesAct.as_view(), name="points_rules_act"),
    path("points/<str:path>/households/", points.PointsHouseholds.as_view(), name="points_households"),
    path("points/<str:path>/exchange/", points.PointsExchange.as_view(), name="points_exchange"),
    path("points/<str:path>/exchange/<slug:act>/", points.PointsExchangeAct.as_view(), name="points_exchange_act"),
    path("checks/", work.Checks.as_view(), name="checks"),
    path("checks/<int:pk>/", work.CheckPage.as_view(), name="check"),
    path("checks/<int:pk>/conclude/", work.Conclude.as_view(), name="check_conclude"),
    path("checks/<int:pk>/call-failed/", work.CallFailed.as_view(), name="check_call_failed"),
    path("cases/<number:number>/told/", told.Told.as_view(), name="case_told"),
    path("rates/", rates.RatesPage.as_view(), name="rates"),
    path("rates/table.csv", rates.RatesTable.as_view(), name="rates_table"),
    path("bulletins/", bulletins.Bulletins.as_view(), name="bulletins"),
    path("bulletins/<int:pk>/", bulletins.BulletinPage.as_view(), name="bulletin"),
    path("bulletins/<int:pk>/bulletin.docx", bulletins.BulletinLetter.as_view(), name="bulletin_docx"),
    path("bulletins/<int:pk>/bulletin.xlsx", bulletins.BulletinSpreadsheet.as_view(), name="bulletin_xlsx"),
    path("calls/", calls.Calls.as_view(), name="calls"),
    path("calls/<int:pk>/<int:message>/", calls.Call.as_view(), name="call"),
    path("calls/<int:pk>/<int:message>/number/", calls.CallNumber.as_view(), name="call_number"),
    path("powers/", administration.Powers.as_view(), name="powers"),
    path("posts/", administration.Posts.as_view(), name="posts"),
    path("posts/<int:pk>/end/", administration.EndPost.as_view(), name="post_end"),
    path("places/", administration.Places.as_view(), name="places"),
    path("places/<str:path>/", administration.PlacePage.as_view(), name="place"),
    path("places/<str:path>/mode/", administration.SwitchMode.as_view(), name="place_mode"),
    path("places/<str:path>/profile/", administration.SetProfile.as_view(), name="place_profile"),
    path("places/<str:path>/profile/back/", administration.ProfileBack.as_view(), name="place_profile_back"),
    path("profiles/", profiles.Profiles.as_view(), name="profiles"),
    path("burden/", burden.Burden.as_view(), name="burden"),
    path("burden/<int:pk>/answer/", burden.BurdenAnswer.as_view(), name="burden_answer"),
    path("rules/", administration.Rules.as_view(), name="rules"),
    path("rules/<int:pk>/end/", administration.EndOverride.as_view(), name="rule_end"),
    path("holidays/", administration.Holidays.as_view(), name="holidays"),
    path("responsibilities/", categories.Matrix.as_view(), name="responsibilities"),
    path("responsibilities/gaps/", categories.Gaps.as_view(), name="gaps"),
    path("categories/", categories.CategoryTree.as_view(), name="categories"),
    path("categories/<str:code>/", categories.CategoryPage.as_view(), name="category"),
    path("categories/<str:code>/<str:question>/", categories.QuestionPage.as_view(), name="category_question"),
    path("tables/<tree_or_matrix:which>/", categories.TableIn.as_view(), name="table_in"),
    path("tables/<tree_or_matrix:which>.<str:kind>", categories.TableOut.as_view(), name="table_out"),
    path("audit/", administration.Audit.as_view(), name="audit"),
    path("map/", maps.Map.as_view(), name="map"),
    path("map/points.json", maps.MapPoints.as_view(), name="map_points"),
    path("map/grids.json", maps.MapGrids.as_view(), name="map_grids"),
    path("search/", work.Look.as_view(), name="search"),
    path("imports/", imports.Imports.as_view(), name="imports"),
    path("imports/new/", imports.ImportNew.as_view(), name="import_new"),
    path("imports/<int:pk>/", imports.ImportPage.as_view(), name="import"),
    path("imports/<int:pk>/start/", imports.ImportStart.as_view(), name="import_start"),
    path("imports/<int:pk>/again/", imports.ImportAgain.as_view(), name="import_again"),
    path("imports/<int:pk>/discard/", imports.ImportDiscard.as_view(), name="import_discard"),
    path("imports/<int:pk>/refused.csv", imports.ImportRefused.as_view(), name="import_refused"),
    path("load/", load.Load.as_view(), name="load"),
    path("load/<slug:role>/<int:place>/", load.LoadPosition.as_view(), name="load_position"),
    path("standins/", standins.StandIns.as_view(), name="standins"),
    path("standins/new/", standins.StandInNew.as_view(), name="standin_new"),
    path("standins/<int:pk>/undo/", standins.StandInUndo.as_view(), name="standin_undo"),
    path("standins/parts/<int:pk>/end/", standins.StandInEnd.as_view(), name="standin_end"),
    path("tokens/", tokens.Tokens.as_view(), name="tokens"),
    path("tokens/<int:pk>/revoke/", tokens.RevokeToken.as_view(), name="token_revoke"),
    path("demo/", demo.DemoSignIn.as_view(), name="demo_sign_in"),
]
