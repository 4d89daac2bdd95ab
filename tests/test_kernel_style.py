"""The words of the kernel and its bindings, one term for each concept, and the first words of their docstrings."""

import re

import house
import pytest

FILES = [path for path in house.CYTHON_FILES if path.read_text()]
# Word that is gone -> the word of the field.
OLD_WORDS = {
    r"rounds?|\w+_rounds?|round_\w+": "flush, stream",
    r"pieces?|sub-?pieces?|spans?|n_spans|n_pieces": "flow, subflow",
    r"reorder_ns|slack(?:_ns)?": "allowed_lateness_ns",
    r"remembered|recall\w*|forgetting|forgotten": "idle keys, reactivate, expire",
    r"waits?|waiting|n_waiting|carr(?:y|ied)_\w+": "pending, keep",
    r"facts?|\w+_facts": "attributes",
    r"doors?": "generic path, fast path",
    r"heed\w*": "support",
    r"SKIP_CUT_\w+": "SKIP_TRUNCATED_...",
    r"seed": "original; a random number's is one of `seeds`",
}
NO_VERBS = {
    *("What", "Whether", "How", "Who", "Why", "Where", "Which", "When", "Give", "Gives", "Say", "Tell", "Tells"),
    *("Is", "Are", "Does", "Do", "Has", "Have", "Was", "May", "Might", "The", "A", "An", "Of", "All"),
    *("One", "More", "No", "In", "From", "This", "That", "These", "Their", "Its", "Nothing", "Some"),
}
DOCSTRINGS = re.compile(r'^ *(?:cp?def (?!class)|def )[^"#]*?:\n +(?P<text>""".*?""")', re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", FILES, ids=house.relative)
def test_old_words_are_gone(path):
    for number, line in enumerate(path.read_text().split("\n"), 1):
        for old, new in OLD_WORDS.items():
            found = re.search(rf"\b(?:{old})\b", line)
            assert not found, f"{house.relative(path)}, line {number}: {found and found[0]!r} is {new} today"


@pytest.mark.parametrize("path", FILES, ids=house.relative)
def test_docstrings_begin_with_a_verb(path):
    for found in DOCSTRINGS.finditer(path.read_text()):
        first = re.match(r'"""(\S*)', found["text"])[1]
        assert first not in NO_VERBS, f"{house.relative(path)}: begin {found['text']} with a verb; True if ... for bint"
        assert first[:1].isupper() or first[:1] == "`", f"{house.relative(path)}: begin {found['text']} with a verb"
