"""What the suggestions keep: numbers and places in a text, no words of it."""

from gongzhi.ground.privacy import declare

declare(
    harmless={
        "suggestions.Suggestion.model",
        "suggestions.Suggestion.ranked",
        "suggestions.Suggestion.spans",
        "suggestions.Suggestion.urgency",
        "suggestions.Suggestion.urgency_rules",
        "suggestions.Suggestion.places",
        "suggestions.Suggestion.times",
        "suggestions.TrainedModel.name",
        "suggestions.TrainedModel.source",
        "suggestions.TrainedModel.sha256",
        "suggestions.TrainedModel.figures",
    },
)
