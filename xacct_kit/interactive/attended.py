"""Whether somebody is looking, by its name of old."""

from xacct_kit.attended import SET_FOR_A_PAGE, attended

__all__ = ["SET_FOR_A_PAGE", "attended"]
