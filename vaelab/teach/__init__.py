"""For courses: `self_check`, which compares a reader's function with the right one."""
