"""The rooms of tasks/, each in a folder of its own, and the step files."""
