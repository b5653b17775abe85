"""Notices keep who was told what and when, never the words."""

from gongzhi.ground.privacy import declare

declare(
    harmless={
        "notices.Notice.kind",
        "notices.Notice.way",
        "notices.Notice.state",
        "notices.Notice.why",
    },
)
