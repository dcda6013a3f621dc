"""`python -m corpusmill`."""

from corpusmill.cli import main

raise SystemExit(main())
