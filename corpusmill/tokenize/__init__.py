"""Text to ids: tokenizers are trained or loaded, documents encoded and packed; `Packer` is the catalogue."""

from corpusmill.tokenize.step import Tokenize as Tokenize

Packer = Tokenize
