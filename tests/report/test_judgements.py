"""Rules read back from a recipe say what the judge of a run says."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpusmill import Language
from corpusmill.report.judgements import Languages, rules
from corpusmill.signals import judge
from corpusmill.spec import Bounds

NAMES = ["de", "en", "fr"]
ENDS = st.sampled_from([None, 0.0, 0.25, 0.5, 0.75, 1.0])
BOUNDS = st.tuples(ENDS, ENDS).map(lambda ends: Bounds(*ends)).filter(lambda b: None in b or b.low <= b.high)
VALUES = st.sampled_from([0.0, 0.25, 0.3, 0.5, 0.6, 1.0, np.nan])


@given(
    st.one_of(BOUNDS, st.dictionaries(st.sampled_from([*NAMES, "*"]), BOUNDS, min_size=1)),
    st.lists(st.tuples(VALUES, VALUES, st.sampled_from([*NAMES, "it", None])), min_size=1),
)
def test_rules_break_as_the_judge_says(score, rows):
    """With limits by language or for all, with languages not named and values not measured."""
    step = Language(score=score, wanted=Bounds(0.5, None))
    wanted, scores, languages = zip(*rows, strict=True)
    values = {"wanted": np.array(wanted), "score": np.array(scores)}
    verdict = judge(step, values, pa.array(languages, pa.string()))
    encoded = pa.array(languages, pa.string()).dictionary_encode()
    names = encoded.dictionary.to_pylist()
    codes = np.array([len(names) if code is None else code for code in encoded.indices.to_pylist()])
    found: list = [None] * len(rows)
    for rule in reversed(rules(0, "language", step)):
        for row in np.flatnonzero(rule.broken(values[rule.signal.partition(".")[2]], Languages(codes, names))):
            found[row] = rule.reason
    told = [None if code < 0 else f"language.{verdict.reasons[code]}" for code in verdict.codes]
    assert told == found
