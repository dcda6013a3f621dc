"""Personal data and secrets out of the text; `Redactor` is the catalogue."""

from corpusmill.redact.redact import Redact as Redact

Redactor = Redact
