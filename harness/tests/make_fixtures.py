"""Writes harness/tests/fixtures: what transformers computes, for the tests to compare with.

    python harness/tests/make_fixtures.py

Three tiny random LLaMAs as complete Hugging Face directories with a tokenizer, and for each of them and for the bundled
model `logits.safetensors` with `tokens` [n] (I32) and `logits` [n, vocabulary] (F32), by f32 eager attention.
Needs torch, transformers, tokenizers and safetensors.
"""

import pathlib

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

TESTS = pathlib.Path(__file__).resolve().parent
FIXTURES = TESTS / "fixtures"
BUNDLED = TESTS.parent / "bundled" / "wikitext2-llama-4m"

COMMON = dict(
    num_hidden_layers=2, max_position_embeddings=64, bos_token_id=0, eos_token_id=1, attn_implementation="eager"
)
TINY = {
    # Four query heads on two key-value heads.
    "grouped": dict(
        vocab_size=96, hidden_size=32, intermediate_size=56, num_attention_heads=4, num_key_value_heads=2,
        tie_word_embeddings=True,
    ),
    # A head of its own, and heads wider than hidden_size / heads.
    "untied": dict(
        vocab_size=80, hidden_size=40, intermediate_size=60, num_attention_heads=4, num_key_value_heads=4,
        head_dim=16, tie_word_embeddings=False,
    ),
    # LLaMA 3's rotary base, one key-value head for all, stored in bf16.
    "theta": dict(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=1,
        tie_word_embeddings=False, rope_parameters={"rope_type": "default", "rope_theta": 500000.0},
    ),
}


def tokenizer(size):
    """Byte-level BPE without merges over as many printable characters as fit."""
    vocabulary = {"<s>": 0, "</s>": 1}
    for symbol in sorted(pre_tokenizers.ByteLevel.alphabet())[: size - 2]:
        vocabulary[symbol] = len(vocabulary)
    result = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    result.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    result.decoder = decoders.ByteLevel()
    result.add_special_tokens(["<s>", "</s>"])
    return result


def load(folder):
    # From disk: a model converted to bf16 and back would keep rotary frequencies rounded to bf16.
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


@torch.no_grad()
def save_logits(model, tokens, path):
    logits = model(tokens.unsqueeze(0)).logits[0].float()
    save_file({"tokens": tokens.to(torch.int32), "logits": logits.contiguous()}, path)


def main():
    for seed, (name, sizes) in enumerate(TINY.items()):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(LlamaConfig(**COMMON, **sizes))
        for parameter_name, parameter in model.named_parameters():
            # Larger than transformers' own start, so that attention is far from uniform and norms matter.
            center = 1.0 if "norm" in parameter_name else 0.0
            torch.nn.init.normal_(parameter, center, 0.25)
        folder = FIXTURES / name
        if name == "theta":
            model = model.to(torch.bfloat16)
        model.save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        tokenizer(sizes["vocab_size"]).save(str(folder / "tokenizer.json"))
        tokens = torch.randint(0, sizes["vocab_size"], (40,))
        save_logits(load(folder), tokens, folder / "logits.safetensors")

    text = " The otter is a mammal of the river , and its fur was once sold in London . \n"
    tokens = torch.tensor([0] + Tokenizer.from_file(str(BUNDLED / "tokenizer.json")).encode(
        text, add_special_tokens=False).ids)[:16]
    (FIXTURES / "bundled").mkdir(parents=True, exist_ok=True)
    save_logits(load(BUNDLED), tokens, FIXTURES / "bundled" / "logits.safetensors")


if __name__ == "__main__":
    main()
