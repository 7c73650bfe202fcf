"""A tokenizer for kvlint, which needs one in Hugging Face's form: trained on the log's first lines, with no download.

Run by the Python of kvlint's environment: ``tokenizer.py LOG FOLDER``.
"""

from __future__ import annotations

import sys
from itertools import islice

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

LINES = 100
WORDS = 8_000
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content or '' }}"
    "{{ m.tool_calls | tojson if m.tool_calls else '' }}\n{% endfor %}"
)


def main(log: str, folder: str) -> None:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    with open(log) as file:
        lines = islice(file, LINES)
        bpe.train_from_iterator(
            lines, trainers.BpeTrainer(vocab_size=WORDS, show_progress=False, initial_alphabet=alphabet)
        )
    made = PreTrainedTokenizerFast(tokenizer_object=bpe)
    made.chat_template = TEMPLATE
    made.save_pretrained(folder)


main(*sys.argv[1:])
