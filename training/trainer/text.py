"""The tokenizer, in CLIP's file format and small enough for this vocabulary, and the text encoder's shape."""

import json
from collections import Counter
from pathlib import Path
from random import Random

import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from renderer import caption, captions, sample_scene

LENGTH = 77
VOCABULARY = 1024
BEGIN, END = "<|startoftext|>", "<|endoftext|>"

# Words that no caption has and people write nevertheless; the tokenizer knows them so that they stay short.
ALSO = """the of with and to is over under above near next very small big huge tiny cute photo painting drawing realistic style
ultra hd 8k render unreal engine octane lighting mountain hill star stars moon sun cloud clouds water river lake beach island
building buildings tower road bird fish dog robot dragon horse people man woman person space planet fantasy magic epic anime
brown grey gray silver cyan teal watercolor watercolour pixel oil sketch no not blurry low quality bad text ugly""".split()


def byte_letters() -> dict[int, str]:
    """The printable stand-in of every byte, as GPT-2 and CLIP number them."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {b: chr(b) for b in plain}
    for b in range(256):
        if b not in letters:
            letters[b] = chr(256 + len(letters) - len(plain))
    return letters


def learn_merges(words: Counter, count: int) -> list[tuple[str, str]]:
    """Plain byte-pair encoding; ties are broken by the alphabet, so the result depends on the counts alone."""
    letters = byte_letters()
    pieces = {}
    for word, n in words.items():
        symbols = [letters[b] for b in word.encode()]
        symbols[-1] += "</w>"
        pieces[word] = (symbols, n)
    merges = []
    while len(merges) < count:
        pairs = Counter()
        for symbols, n in pieces.values():
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for word, (symbols, n) in pieces.items():
            i, joined = 0, []
            while i < len(symbols):
                if tuple(symbols[i:i + 2]) == best:
                    joined.append(symbols[i] + symbols[i + 1])
                    i += 2
                else:
                    joined.append(symbols[i])
                    i += 1
            pieces[word] = (joined, n)
    return merges


def write_tokenizer(folder: Path):
    words = Counter({word: 20 for word in ALSO})
    r = Random(0)
    for _ in range(20000):
        words.update(caption(sample_scene(r), r).replace(",", " ").replace("-", " ").split())
    for table in (captions.FILLER, captions.NEON_STREET_WORDS):
        words.update({word: 20 for phrase in table for word in phrase.split()})
    letters = list(byte_letters().values())
    merges = learn_merges(words, VOCABULARY - 2 * len(letters) - 2)
    tokens = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges] + [BEGIN, END]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {token: i for i, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in merges) + "\n")
    special = {"bos_token": BEGIN, "eos_token": END, "unk_token": END, "pad_token": END}
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": LENGTH, "do_lower_case": True, "add_prefix_space": False, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2))
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2))
    tokenizer = CLIPTokenizer(vocabulary, [tuple(pair) for pair in merges], **special, model_max_length=LENGTH)
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))


def build_text_encoder(folder: Path) -> CLIPTextModel:
    size = len(json.loads((folder / "vocab.json").read_text()))
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=size, hidden_size=128, intermediate_size=512, num_hidden_layers=3, num_attention_heads=4, projection_dim=128,
        max_position_embeddings=LENGTH, hidden_act="quick_gelu", bos_token_id=size - 2, eos_token_id=size - 1, pad_token_id=size - 1,
    ))


class Tokens:
    """Caption to 77 ids, remembering what it has seen."""

    def __init__(self, folder: Path):
        self.tokenizer = CLIPTokenizer.from_pretrained(folder)

    def __call__(self, texts: list[str]) -> torch.Tensor:
        return self.tokenizer(texts, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt").input_ids


def with_strange_words(text: str, r: Random) -> str:
    """Now and then adds a word that means nothing, so that unknown words do no harm."""
    if r.random() < 0.1:
        strange = "".join(r.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(r.randint(2, 9)))
        words = text.split(" ")
        words.insert(r.randint(0, len(words)), r.choice([strange, r.choice(ALSO[:12])]))
        text = " ".join(words)
    return text
