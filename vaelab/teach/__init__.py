"""For courses: answers that a notebook checks, stored predictions, shorter trainings for tests."""
