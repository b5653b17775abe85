"""Gongzhi (共治): one loop for governing a neighbourhood together."""

__version__ = "0.1.0"
