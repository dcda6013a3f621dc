"""Taking documents down from a finished run: found, removed from every file, and proved."""
