"""Projects: folders of code with an `MLproject` file or without, run with params in an environment of their own."""
