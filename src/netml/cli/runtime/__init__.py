"""Exit statuses, signals, standard output and progress of the commands."""
