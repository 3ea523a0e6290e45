"""Rounds the project's trained LLaMA to f16 for bundling, and measures what rounding costs.

    python harness/tests/make_bundle.py [--measure] [--windows N]

Reads ../shared/data/wikitext2-llama-4m and writes harness/bundled/wikitext2-llama-4m (config, f16 weights under the
same names, tokenizer). With --measure it prints the perplexity of f32, f16 and int8-per-row weights on
../shared/data/wikitext-2/valid.txt: the text tokenized once with BOS at the start, disjoint windows of 256 tokens, all
255 shifted targets of each, the tail dropped. --windows N stops after the first N windows.
Needs torch, transformers and safetensors.
"""

import argparse
import json
import math
import pathlib
import shutil

import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = "wikitext2-llama-4m"
SHARED = ROOT.parent / "shared"  # beside the checkout
SOURCE = SHARED / "data" / NAME
TEXT = SHARED / "data" / "wikitext-2" / "valid.txt"
TARGET = ROOT / "harness" / "bundled" / NAME
CONTEXT = 256


def bundle():
    TARGET.mkdir(parents=True, exist_ok=True)
    weights = load_file(SOURCE / "model.safetensors")
    halves = {name: weight.to(torch.float16).contiguous() for name, weight in weights.items()}
    assert all(torch.isfinite(half).all() for half in halves.values())
    save_file(halves, TARGET / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((SOURCE / "config.json").read_text())
    config["dtype"] = "float16"
    (TARGET / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    shutil.copyfile(SOURCE / "tokenizer.json", TARGET / "tokenizer.json")


def int8_per_row(weight):
    """Symmetric rounding to 8 bits, one scale per output row; vectors (the norms) stay as they are."""
    if weight.dim() < 2:
        return weight
    scale = weight.abs().amax(dim=1, keepdim=True) / 127.0
    return (weight / scale).round().clamp(-127, 127) * scale


@torch.no_grad()
def perplexity(model, tokens, windows):
    total, count = 0.0, 0
    for start in range(0, windows * CONTEXT, CONTEXT):
        window = tokens[start : start + CONTEXT].unsqueeze(0)
        logits = model(window).logits[0, :-1].double()
        total += torch.nn.functional.cross_entropy(logits, window[0, 1:], reduction="sum").item()
        count += CONTEXT - 1
    return math.exp(total / count)


def measure(windows):
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(SOURCE / "tokenizer.json"))
    tokens = torch.tensor(tokenizer(TEXT.read_text(encoding="utf-8"))["input_ids"])
    assert tokens[0] == 0 and (tokens[1:] != 0).all(), "BOS at the start only"
    windows = min(windows or len(tokens), len(tokens) // CONTEXT)
    print(f"{len(tokens)} tokens, {windows} windows")
    roundings = {
        "f32": lambda weight: weight,
        "f16": lambda weight: weight.to(torch.float16).float(),
        "int8 per row": int8_per_row,
    }
    for name, rounding in roundings.items():
        model = LlamaForCausalLM.from_pretrained(SOURCE, dtype=torch.float32, attn_implementation="eager").eval()
        for parameter in model.parameters():
            parameter.data = rounding(parameter.data)
        print(f"{name}: {perplexity(model, tokens, windows):.6f}", flush=True)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--measure", action="store_true")
    arguments.add_argument("--windows", type=int, default=0)
    arguments = arguments.parse_args()
    bundle()
    if arguments.measure:
        measure(arguments.windows)
