"""Text to ids: tokenizers are trained or loaded, and documents encoded as the tokenizer's own library would."""
