"""For courses: answers that a notebook checks."""
