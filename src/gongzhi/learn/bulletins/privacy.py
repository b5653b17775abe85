"""Bulletins hold numbers, codes and the names of posts, places and categories."""

from gongzhi.ground.privacy import declare

declare(
    harmless={
        "bulletins.Bulletin.place_path",
        "bulletins.Bulletin.figures",
        "bulletins.Bulletin.digest",
    },
)
