"""The line kernels, written the slow and obvious way, over Python strings."""


def repeated(rows):
    """For every element of every row, whether it stood earlier in its row."""
    return [item in row[:position] for row in rows for position, item in enumerate(row)]


def byte_ranges(texts, pieces_of):
    """Per document, the pieces of its text as byte strings."""
    return [[piece.encode() for piece in pieces_of(text)] for text in texts]
