"""Compile the kernels that the shipped recipes use, and fetch the models and lists they name.

Run once when the worker image is built: a tiny batch goes through every chain, and running is what compiles.
"""

from corpusmill import documents, recipe
from corpusmill.spec import members
from corpusmill.steps import Chain

TEXT = "This is a short text with a few sentences in it. It says very little, but it says it in plain words. " * 12


def main() -> None:
    """Build and run the chain of every shipped recipe on one page or document."""
    extractors = {cls.use for cls in members(recipe.Extractor)}
    for file in sorted(recipe.SHIPPED.glob("*.yaml")):
        steps = recipe.load(str(file)).steps
        has_pages = any(step.use in extractors for step in steps)
        column = {"html": [f"<p>{TEXT}</p>".encode()]} if has_pages else {"text": [TEXT]}
        outcome = Chain(steps)(documents.conform({"url": ["https://docs.example/"], **column}))
        print(f"{file.stem}: {len(steps)} steps, {outcome.kept.num_rows} kept")


if __name__ == "__main__":
    main()
