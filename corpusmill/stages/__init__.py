"""What a run consists of: stages, their phases, and the tasks of each; no engine and no order of running."""
