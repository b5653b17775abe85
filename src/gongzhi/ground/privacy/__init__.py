"""Personal data: declared, sealed, shown with a reason, erased in time."""

from gongzhi.ground.privacy.declarations import DataClass, Personal, declare

__all__ = ["DataClass", "Personal", "declare"]
